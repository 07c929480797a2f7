"""Signal, then fetch: the stream says only that something changed, and htmx fetches what is to be seen."""

from datetime import datetime
from typing import Any

from fastcore.xml import FT
from fasthtml.components import Code, P

from components.live import Fetch, Live, Swap
from components.parts import Elsewhere, Moment, PageHead, PageTitle, Panel


def Ping(now: datetime) -> FT:
    """Say when the stream was heard of last."""
    return Moment(now)


def LiveSignals() -> FT:
    """Show the newest ping."""
    return Live("/sse", Swap("ping", "Waiting for the first ping …", tag=P), id="signals")


def SignalsPage(stats: Any, origin: str, source: str) -> tuple[FT, ...]:
    """Show figures that are fetched whenever the stream says that they have changed."""
    return (
        PageTitle("Signals"),
        PageHead(
            "Signals",
            "Where what is to be seen differs from person to person, a stream need only say that it changed: ",
            Code("stats_update"),
            " arrives without data, and htmx fetches the figures anew.",
        ),
        Live(
            "/sse",
            Panel(Fetch("stats_update", "/stats", stats, id="fetched-stats"), caption="GET /stats on stats_update"),
            Panel(Swap("ping", "Waiting for the first ping …", tag=P), caption="ping, every 10 s"),
        ),
        Elsewhere(origin, "/sse", source),
    )
