"""Charts: what is drawn of a line, of its axes, and what is said of it."""

import re
from datetime import UTC, datetime

import pytest
from fastcore.xml import to_xml

from components.charts import Axis, Chart, Series, _scale

CELSIUS = Axis("Temperature", "°C", 2)
UNTIL = datetime(2026, 3, 1, 12, 5, 20, tzinfo=UTC)


def chart(*lines: Series) -> str:
    return to_xml(Chart(CELSIUS, lines, UNTIL, 10))


def line(*points: float | None, name: str = "cellar") -> Series:
    known = [point for point in points if point is not None]
    return Series(name, points, known[-1], min(known), max(known))


def test_a_line_is_drawn_from_its_first_to_its_last_point_and_broken_where_nothing_was_measured() -> None:
    *_, drawn, newest = re.findall(r'<path[^>]* d="([^"]*)"', chart(line(20, 22, None, 24, None)))
    assert newest == "M3 0.0h0"
    assert drawn == "M0 100.0h0L1 50.0M3 0.0h0"
    assert 'viewbox="0 0 3 100"' in chart(line(20, 22, None, 24)).lower()


def test_the_axes_have_units_and_the_times_of_whole_minutes() -> None:
    html = chart(line(20, 22))
    assert re.findall(r">([\d.]+ °C)</text>", html) == ["20 °C", "20.5 °C", "21 °C", "21.5 °C", "22 °C"]
    assert re.findall(r'data-minute="([^"]*)"[^>]*>(\d\d:\d\d UTC)', html) == [
        (f"2026-03-01T{time}:00+00:00", f"{time} UTC") for time in ("12:04", "12:02", "12:00", "11:58", "11:56")
    ]


def test_what_a_chart_shows_is_said_in_words() -> None:
    html = chart(line(20, 22.25, 21), line(18, name="attic"))
    named = re.search(r'role="img"[^>]*aria-labelledby="([^"]*)"|aria-labelledby="([^"]*)"[^>]*role="img"', html)
    assert named
    for part in (named[1] or named[2]).split():
        assert f'id="{part}"' in html
    assert "Temperature over the last 10 minutes</title>" in html
    assert "cellar: newest 21.0 °C, lowest 20.0 °C, highest 22.2 °C; attic: newest 18.0 °C" in html


def test_lines_differ_by_more_than_their_colour() -> None:
    assert {"line-0", "line-1"} <= set(re.findall(r'class="(line-\d)"', chart(line(1), line(2))))


def test_a_chart_of_nothing_says_so() -> None:
    assert "Nothing was measured</desc>" in chart()


@pytest.mark.parametrize(
    ("low", "high", "least"),
    [(0, 0, 2), (21.4, 21.4, 2), (-7, 38, 2), (999.9, 1020.3, 4), (0, 100, 8), (1e-3, 2e-3, 0)],
)
def test_an_axis_holds_its_values_between_three_and_seven_round_ticks(low: float, high: float, least: float) -> None:
    bottom, top, ticks = _scale(low, high, least)
    assert bottom <= low <= high <= top
    assert 3 <= len(ticks) <= 7
    assert ticks[0] == pytest.approx(bottom)
    assert ticks[-1] == pytest.approx(top)
