"""Messages as they are on the wire: JSON, without a name."""

from fastcore.xml import FT
from fasthtml.components import Code, Pre
from pydantic import BaseModel, Field

from components.live import Live, PauseButton, Swap
from components.parts import Elsewhere, PageHead, PageTitle, Panel


class Message(BaseModel):
    """One message."""

    message: str = Field(description="its number and the server's time", examples=["Update #1 12:00:00.000000"])


def LiveEvents() -> FT:
    """Show the newest message as it came."""
    return Live("/events", Swap("message", "waiting for the first message", tag=Pre, cls="wire"), id="events")


def EventsPage(origin: str, source: str = "") -> tuple[FT, ...]:
    """Show the newest message as it came; `origin` and `source` as for ClockPage."""
    return (
        PageTitle("Events"),
        PageHead(
            "Events",
            "Not every client draws HTML. These are plain JSON messages without a name, ten a second; ",
            Code('sse-swap="message"'),
            " shows them as they come. Every connection runs a generator of its own: each tab counts for itself.",
        ),
        Panel(
            LiveEvents(),
            caption="/events",
            actions=PauseButton("events"),
        ),
        Elsewhere(origin, "/events", source),
    )
