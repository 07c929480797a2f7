"""Signals: a stream that says only that something changed; pages fetch what."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from fasthtml.core import APIRouter
from starlette.datastructures import State
from starlette.requests import Request

from components.page import Layout
from components.signals import LiveSignals, Ping, SignalsPage
from streams import LiveThing
from tidewire import per_tab, sse_message

PING_SECONDS = 10.0
HEARD = ("stats", "notifications")

routes = APIRouter(body_wrap=Layout)


@per_tab("signals", path="/sse", events=["greeting", "ping", *(f"{name}_update" for name in HEARD)])
async def signals(request: Request) -> AsyncIterator[str]:
    """Greet, then signal each change of stats and notifications, and ping while there is none."""
    yield sse_message("connected", event="greeting")
    yield sse_message(Ping(datetime.now(UTC)), event="ping")
    async for event in request.app.state.hub.listen(*HEARD, idle=PING_SECONDS):
        if event is None:
            yield sse_message(Ping(datetime.now(UTC)), event="ping")
        else:
            yield sse_message(event=f"{event.topic}_update")


@routes("/signals", methods=["GET"])
def page(request: Request, state: State) -> Any:
    """Show figures that are fetched when they have changed."""
    return SignalsPage(state.figures(state), str(request.base_url), signals.source)


thing = LiveThing(
    "signals",
    "Signals",
    "Says that something changed; the page fetches what",
    "/signals",
    routes,
    [signals],
    card=LiveSignals,
)
