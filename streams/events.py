"""Plain JSON messages without a name, as the simplest client reads them."""

from collections.abc import AsyncIterator
from typing import Any

from fasthtml.core import APIRouter
from starlette.requests import Request

from components.events import EventsPage, LiveEvents, Message
from components.page import Layout
from streams import LiveThing
from tidewire import every, per_tab, sse_message

routes = APIRouter(body_wrap=Layout)


@per_tab("events", path="/events", events=["message"], contract=Message, media="application/json")
async def events(start: int = 0) -> AsyncIterator[str]:
    """Say a JSON message ten times a second."""
    async for n, now in every(0.1, start=start):
        yield sse_message(dict(Message(message=f"Update #{n} {now:%H:%M:%S.%f}")), id=n)


@routes("/events/page", methods=["GET"])
def page(request: Request) -> Any:
    """Show the messages."""
    return EventsPage(str(request.base_url), events.source)


thing = LiveThing(
    "events", "Events", "Unnamed JSON messages, ten a second", "/events/page", routes, [events], card=LiveEvents
)
