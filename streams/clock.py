"""The server's clock, ten times a second, for each tab on its own."""

from collections.abc import AsyncIterator
from typing import Any

from fasthtml.core import APIRouter
from starlette.requests import Request

from components.clock import ClockFace, ClockPage
from components.page import Layout
from streams import LiveThing
from tidewire import every, off_grid, per_tab, sse_message

TICK_SECONDS = 0.1

routes = APIRouter(body_wrap=Layout)


@per_tab("clock")
async def clock() -> AsyncIterator[str]:
    """Tell the time, and how far each tick is off its grid."""
    async for n, now in every(TICK_SECONDS):
        yield sse_message(ClockFace(now, off_grid(now, TICK_SECONDS) * 1000), event="clock", id=n)


@routes("/clock", methods=["GET"])
def page(request: Request) -> Any:
    """Show the clock."""
    return ClockPage(str(request.base_url), clock.source)


thing = LiveThing("clock", "Clock", "The server's time, ten times a second", "/clock", routes, [clock])
