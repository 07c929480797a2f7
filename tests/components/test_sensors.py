"""The page of sensors: what it says of each reading, and what the panel is bound to."""

import re
from datetime import UTC, datetime

from fastcore.xml import to_xml

from components.readings import SIMULATED, SensorCharts, StoredReading
from components.sensors import ChartsRegion, ReadingRow, ReadingRows, SensorsPage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = SensorCharts(until=NOW, sensors=[])


def reading(number: int = 1, sensor: str = "cellar") -> StoredReading:
    return StoredReading(id=number, sensor=sensor, temperature=11.54, humidity=60, pressure=1001, time=NOW)


def test_a_row_has_units_and_a_time_and_the_id_by_which_it_is_put() -> None:
    html = to_xml(ReadingRow(reading(7)))
    assert re.findall(r"<td>([^<]+)</td>", html) == ["11.5 °C", "60.0 %", "1001.0 hPa"]
    assert 'id="reading-7"' in html
    assert 'datetime="2026-03-01T12:00:00.000+00:00"' in html


def test_what_is_simulated_says_so() -> None:
    assert "made up" in to_xml(ReadingRow(reading(sensor=SIMULATED)))
    assert "made up" not in to_xml(ReadingRow(reading()))


def test_the_newest_fifty_stay() -> None:
    assert 'data-max="50"' in to_xml(ReadingRows([]))


def test_where_nothing_was_measured_the_charts_say_so() -> None:
    assert "Nothing was measured in the last 10 minutes." in to_xml(ChartsRegion(NOTHING))


def test_the_panel_steers_the_one_stream_of_the_page() -> None:
    html = "".join(map(to_xml, SensorsPage([], NOTHING, None, "e-5", "http://127.0.0.1:5001/", "")))
    [target] = re.findall(r'data-target="([^"]*)"', html)
    assert re.findall(r'sse-connect="([^"]*)"', html) == ["/sse-stream?after=e-5"]
    [region] = re.findall(r"<div[^>]*sse-connect[^>]*>", html)
    assert f'id="{target}"' in region
    assert html.index("panel.js") < html.index("alpine-csp")
    assert not re.search(r"\s(style|on\w+)=", html)
