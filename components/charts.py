"""Charts of values over time, drawn on the server as SVG: axes with units, readable in both themes and as text.

A chart has no size of its own: places are percents of its box, so that text stays as large as text is, and the lines
alone are stretched.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastcore.xml import FT
from fasthtml.components import H3, Desc, Div, Figcaption, Figure, G, Li, Small, Span, Strong, Title, Ul
from fasthtml.svg import Line, Path, Svg, Text

TICK_MINUTES = 2
STEPS = (1, 2, 5, 10)  # what a reader counts in


@dataclass(frozen=True)
class Series:
    """One line: a value for each equal part of the time shown, None where there is none; newest, lowest, highest."""

    name: str
    points: Sequence[float | None]
    newest: float
    low: float
    high: float


@dataclass(frozen=True)
class Axis:
    """What is measured: its name, its unit, and the least that the axis spans."""

    name: str
    unit: str
    least: float


def Chart(axis: Axis, lines: Sequence[Series], until: datetime, minutes: int) -> FT:
    """Draw these lines, over so many minutes until a time in UTC."""
    known = [value for line in lines for value in (*line.points, line.low, line.high) if value is not None]
    bottom, top, ticks = _scale(min(known, default=0), max(known, default=0), axis.least)
    heights = [(f"{value:g} {axis.unit}", 100 - (value - bottom) / (top - bottom) * 100) for value in ticks]
    moments = [
        (moment, 100 - (until - moment) / timedelta(minutes=minutes) * 100) for moment in _moments(until, minutes)
    ]
    width = max((len(line.points) for line in lines), default=2) - 1 or 1
    name = f"chart-{axis.name.lower()}"
    return Figure(
        Figcaption(H3(axis.name), Ul(*(_Legend(n, line, axis) for n, line in enumerate(lines)))),
        Svg(
            Title(f"{axis.name} over the last {minutes} minutes", id=f"{name}-title"),
            Desc("; ".join(_said(line, axis) for line in lines) or "Nothing was measured", id=f"{name}-desc"),
            G(*(Text(text, x="-8", y=f"{y:.2f}%", dy="0.35em") for text, y in heights), cls="heights"),
            G(*(_Minute(moment, x) for moment, x in moments), cls="moments"),
            Svg(
                _Stretched("".join(f"M0 {y:.2f}h{width}" for _, y in heights), "heights"),
                _Stretched("".join(f"M{x * width / 100:.2f} 0v100" for _, x in moments), "moments"),
                *(_Stretched(_curve(line.points, bottom, top), f"line-{n}") for n, line in enumerate(lines)),
                *(_Stretched(_last(line.points, bottom, top), f"newest line-{n}") for n, line in enumerate(lines)),
                viewBox=f"0 0 {width} 100",
                preserveAspectRatio="none",
            ),
            role="img",
            aria_labelledby=f"{name}-title {name}-desc",
        ),
        cls="chart",
    )


def Charts(*charts: FT, note: str = "") -> FT:
    """Put charts beside each other, or under each other where there is less room."""
    return Div(*charts, Small(note, cls="note") if note else None, cls="charts")


def _Legend(n: int, line: Series, axis: Axis) -> FT:
    mark = Svg(Line(x1=1, x2=23, y1=5, y2=5), width=24, height=10, aria_hidden="true", cls=f"line-{n}")
    return Li(
        mark,
        Span(line.name, cls="name"),
        Strong(f"{line.newest:.1f} {axis.unit}"),
        Small(f"{line.low:.1f} to {line.high:.1f}"),
    )


def _Minute(moment: datetime, x: float) -> FT:
    # board.js puts the time into the reader's zone.
    return Text(f"{moment:%H:%M} UTC", x=f"{x:.2f}%", y="100%", dy="1.6em", data_minute=moment.isoformat())


def _Stretched(d: str, cls: str) -> FT:
    return Path(d=d, cls=cls, vector_effect="non-scaling-stroke")


def _curve(points: Sequence[float | None], bottom: float, top: float) -> str:
    drawn = []
    begins = True
    for x, value in enumerate(points):
        if value is not None:
            y = 100 - (value - bottom) / (top - bottom) * 100
            drawn.append(f"M{x} {y:.1f}h0" if begins else f"L{x} {y:.1f}")  # a point alone is a dot
        begins = value is None
    return "".join(drawn)


def _last(points: Sequence[float | None], bottom: float, top: float) -> str:
    """Find the newest point: the beginning of a curve that holds no other."""
    at = max((x for x, value in enumerate(points) if value is not None), default=len(points))
    return _curve([value if x == at else None for x, value in enumerate(points)], bottom, top)


def _said(line: Series, axis: Axis) -> str:
    return (
        f"{line.name}: newest {line.newest:.1f} {axis.unit}, lowest {line.low:.1f} {axis.unit}, "
        f"highest {line.high:.1f} {axis.unit}"
    )


def _scale(low: float, high: float, least: float) -> tuple[float, float, list[float]]:
    """Choose where an axis begins and ends, and its three to six ticks, at round values."""
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in STEPS if power * one >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return first * step, last * step, [round(n * step, 6) for n in range(first, last + 1)]


def _moments(until: datetime, minutes: int) -> Iterator[datetime]:
    moment = until.replace(second=0, microsecond=0)
    moment -= timedelta(minutes=moment.minute % TICK_MINUTES)
    while moment > until - timedelta(minutes=minutes):
        yield moment
        moment -= timedelta(minutes=TICK_MINUTES)
