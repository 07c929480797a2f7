"""A counter for each tab, which goes on where its tab was."""

from collections.abc import AsyncIterator
from typing import Any

from fasthtml.core import APIRouter
from starlette.requests import Request

from components.counter import Counter, CounterPage
from components.page import Layout
from streams import LiveThing
from tidewire import every, per_tab, sse_message

routes = APIRouter(body_wrap=Layout)


@per_tab("counter")
async def counter(start: int = 0) -> AsyncIterator[str]:
    """Count the seconds of this connection; a tab that returns is not set back."""
    async for n, now in every(1.0, start=start):
        yield sse_message(Counter(n, now), event="counter", id=n)


@routes("/counter", methods=["GET"])
def page(request: Request) -> Any:
    """Show the counter."""
    return CounterPage(str(request.base_url), counter.source)


thing = LiveThing(
    "counter", "Counter", "Seconds of this very tab, counted on the server", "/counter", routes, [counter]
)
