"""A counter of the seconds of one connection."""

from datetime import datetime

from fastcore.xml import FT
from fasthtml.components import Button

from components.live import Live, PauseButton, Swap
from components.parts import Elsewhere, PageHead, PageTitle, Panel, Waiting


def Counter(n: int, now: datetime) -> FT:
    """Draw one count. Its id lets htmx give the focus back to it when the next one takes its place."""
    return Button(f"Update #{n} {now:%H:%M:%S.%f}", id="counter-update", cls="counter")


def LiveCounter() -> FT:
    """Count live, from the moment the tab is open."""
    return Live("/sse/counter", Swap("counter", Waiting()), id="counter")


def CounterPage(origin: str, source: str = "") -> tuple[FT, ...]:
    """Show the counter live; `origin` and `source` as for ClockPage."""
    return (
        PageTitle("Counter"),
        PageHead(
            "Counter",
            "The seconds of this very tab, counted on the server. Every connection runs a generator of its own, so "
            "open a second tab and it begins at one. A tab that lost its connection says where it was, and goes on.",
        ),
        Panel(LiveCounter(), caption="/sse/counter", actions=PauseButton("counter")),
        Elsewhere(origin, "/sse/counter", source),
    )
