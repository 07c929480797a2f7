"""The board with what it does not show by itself: streams that note how they end, and streams that misbehave."""

import asyncio
import inspect
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

from fastcore.xml import to_xml
from fasthtml.components import Body, Div, Head, Html, Script
from fasthtml.core import EventStream as ForeignStream
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

import main
from tidewire import Topic, per_tab, sse_message, stream_routes

NOTES = Path(os.environ["PROBE_NOTES"])


def note(word: str) -> None:
    with NOTES.open("a") as notes:
        notes.write(f"{word}\n")


@per_tab("waiting")
async def waiting() -> AsyncIterator[str]:
    """Say one thing, and then nothing."""
    try:
        yield sse_message("here", event="here")
        await asyncio.Event().wait()
    finally:
        note("finally")


@per_tab("flood")
async def flood() -> AsyncIterator[str]:
    """Say more than any client reads."""
    try:
        while True:
            yield sse_message("x" * 60_000, event="flood")
            await asyncio.sleep(0)
    finally:
        note("flood-finally")


@per_tab("failing")
async def failing() -> AsyncIterator[str]:
    """Say one thing, and fail."""
    yield sse_message("here", event="here")
    raise ValueError("a secret of the server")


def foreign(request: Request) -> ForeignStream:
    """Stream as FastHTML itself does."""

    async def messages() -> AsyncIterator[str]:
        try:
            yield "data: here\n\n"
            await asyncio.Event().wait()
        finally:
            note("foreign-finally")

    return ForeignStream(messages())


def broken(request: Request) -> None:
    """Fail."""
    raise ValueError("a secret of the server")


def refused(request: Request) -> PlainTextResponse:
    """Answer with a status."""
    return PlainTextResponse("no", request.path_params["status"])


def plain(request: Request) -> HTMLResponse:
    """Draw a page of htmx and its extension, without live.js: each of its sources is the browser's own."""
    asked = json.loads(request.query_params["streams"])
    scripts = [Script(src=f"/tidewire/vendor/{name}") for name in ("htmx.min.js", "sse.js")]
    live = [
        Div(Div(sse_swap=",".join(one["events"]), title=one["url"]), hx_ext="sse", sse_connect=one["url"])
        for one in asked
    ]
    return HTMLResponse(to_xml(Html(Head(*scripts), Body(*live))))


def listed(request: Request) -> JSONResponse:
    """List the board's streams: the path, the names of the events, and whether it has a journal's or own numbers."""
    return JSONResponse(
        [
            {
                "path": one.path,
                "events": [one.event] if isinstance(one, Topic) else one.events,
                "journaled": isinstance(one, Topic) and one.keep == "all" and not one.ephemeral,
                "numbered": "start" in inspect.signature(one.generator).parameters,
            }
            for one in main.streams
        ]
    )


def remember(request: Request) -> JSONResponse:
    """Put something into the session."""
    request.session["seen"] = True
    return JSONResponse({})


app = main.app
if __name__ != "__mp_main__":  # uvicorn's processes import this file twice
    main.board.router.routes[:0] = [
        *stream_routes([waiting, flood, failing])[:3],
        Route("/foreign", foreign),
        Route("/broken", broken),
        Route("/remember", remember),
        Route("/plain", plain),
        Route("/streams", listed),
        Route("/sse/refused/{status:int}", refused),
    ]
    main.board.on_event("shutdown")(lambda: note(f"shutdown-{os.getpid()}"))

if __name__ == "__main__":
    main.run("probe:app", app)
