"""The connections of all processes, live: who reads what, and what it takes; each can be closed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from fasthtml.core import APIRouter, HtmxHeaders
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from components.connections import (
    ConnectionChanges,
    ConnectionDetails,
    ConnectionFigures,
    ConnectionRow,
    ConnectionRows,
    ConnectionsPage,
    LiveConnectionFigures,
)
from components.page import Layout
from components.reports import Connection, Report, connections_of, total
from streams import LiveThing, fragment
from streams.processes import answers, find, questions
from streams.prometheus import CONTENT_TYPE, exposition
from tidewire import every, per_tab, sse_message

LOOK_SECONDS = 1.0
FRESH = {"Cache-Control": "no-store"}

log = logging.getLogger("tidewire")

routes = APIRouter(body_wrap=Layout)


@per_tab("connections", events=("connections", "details", "connection"), contract=Report)
async def connections(request: Request) -> AsyncIterator[str]:
    """Draw the figures each second, and the rows that changed; `?only=figures` for the first three alone."""
    processes = find(request.app.state)
    shown: dict[str, Connection] | None = None
    async for _ in every(LOOK_SECONDS):
        reports = await processes.reports()
        yield sse_message(ConnectionFigures(reports), event="connections")
        if request.query_params.get("only") == "figures":
            continue
        yield sse_message(ConnectionDetails(reports), event="details")
        # All of them first: the page may be older than this stream, and show what has ended since.
        news = ConnectionRows(reports, hx_swap_oob="true") if shown is None else ConnectionChanges(shown, reports)
        if news:
            yield await asyncio.to_thread(sse_message, news, "connection")  # 0.4 ms for each row
        shown = {one.id: one for one in connections_of(reports)}


@routes("/connections", methods=["GET"])
async def page(request: Request, state: State) -> Any:
    """Show the connections."""
    return ConnectionsPage(await find(state).reports(), str(request.base_url))


@routes("/connections/{worker}/{id}/close", methods=["POST"])
async def close(state: State, htmx: HtmxHeaders, worker: str, id: str) -> Any:
    """Close a connection, whichever process has it; 404 where there is none."""
    processes = find(state)
    known = next((one for one in connections_of(await processes.reports()) if one.id == id), None)
    if not await processes.close(worker, id):
        gone = "This connection has ended already."
        return PlainTextResponse(f"{gone}\n", 404) if htmx.request else JSONResponse({"error": gone}, 404)
    log.info("connection %s of %s was closed", id, known.client if known else "an unknown client")
    return fragment(ConnectionRow(known, closing=True)) if htmx.request and known else JSONResponse({"closed": id})


@routes("/sse-metrics", methods=["GET"])
async def metrics(state: State) -> Response:
    """Tell the figures of all processes together, as JSON."""
    reports = await find(state).reports()
    figures = total(reports)
    told = {
        "processes": len(reports),
        "active_connections": figures.connections,
        "active_streams": figures.streams,
        "total_connections": figures.connections_opened,
        "total_streams": figures.streams_opened,
        "total_events_sent": figures.events,
        "total_bytes_sent": figures.bytes,
        "average_connection_duration_seconds": round(figures.average_seconds, 3),
        "errors": figures.errors,
        "error_rate": round(figures.error_rate, 6),
        "reconnects": figures.reconnects,
        "resets": figures.resets,
        "parked_readers": figures.parked,
        "total_parked": figures.parked_so_far,
    }
    return JSONResponse(told, headers=FRESH)


@routes("/metrics", methods=["GET"])
async def prometheus(state: State) -> Response:
    """Tell the figures of each process, as Prometheus reads them."""
    return Response(exposition(await find(state).reports()), media_type=CONTENT_TYPE, headers=FRESH)


async def work(state: State) -> None:
    """Answer what other processes ask."""
    await find(state).converse()


thing = LiveThing(
    "connections",
    "Connections",
    "Who reads what, and what it takes",
    "/connections",
    routes,
    [connections],
    card=LiveConnectionFigures,
    work=work,
    between=[questions, answers],
)
