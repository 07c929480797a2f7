"""The server's clock, and how far each of its ticks is off the grid."""

from datetime import datetime

from fastcore.xml import FT
from fasthtml.components import Dd, Div, Dl, Dt, Time
from fasthtml.svg import Circle, Line, Svg

from components.live import Live, PauseButton, Swap
from components.parts import Elsewhere, PageHead, PageTitle, Panel, Waiting

SCALE_MS = 5.0  # what the gauge shows to either side; a tick is rarely later than that


def ClockFace(now: datetime, offset_ms: float) -> FT:
    """Draw the time with microseconds, and how far the tick came after (or before) its place on the grid."""
    return Div(
        Time(f"{now:%H:%M:%S.%f}", datetime=now.isoformat(timespec="microseconds"), cls="readout"),
        Gauge(offset_ms),
        Dl(
            Div(Dt("Date"), Dd(f"{now:%Y-%m-%d} {now:%Z}".strip())),
            Div(Dt("Off the grid"), Dd(f"{offset_ms:+.3f} ms")),
            cls="meta",
        ),
        cls="clock",
    )


def Gauge(offset_ms: float) -> FT:
    """Show an offset as a point on a line whose middle is the grid; the text beside it says the same."""
    x = max(-SCALE_MS, min(SCALE_MS, offset_ms)) / SCALE_MS * 100
    return Svg(
        Line(x1=-100, x2=100, y1=0, y2=0),
        Line(x1=0, x2=0, y1=-6, y2=6),
        Circle(cx=f"{x:.1f}", cy=0, r=4),
        viewBox="-106 -8 212 16",
        cls="gauge",
        aria_hidden="true",
    )


def ClockPage(origin: str, source: str = "") -> tuple[FT, ...]:
    """Show the clock live.

    origin: the address of this board, for the curl line. source: the generator's own source, if it is to be shown.
    """
    return (
        PageTitle("Clock"),
        PageHead(
            "Clock",
            "The server's time, ten times a second, each tick on the wall clock's own grid, so that it never drifts. "
            "Every connection runs a generator of its own: each tab has its own ticks.",
        ),
        Panel(
            Live("/sse/clock", Swap("clock", Waiting()), id="clock"),
            caption="/sse/clock",
            actions=PauseButton("clock"),
        ),
        Elsewhere(origin, "/sse/clock", source),
    )
