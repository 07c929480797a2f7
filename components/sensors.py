"""Sensors: rows of the newest readings, charts of the last minutes, and the page that shows both live."""

from collections.abc import Iterable
from typing import Any

from fastcore.xml import FT
from fasthtml.components import Code, Div, P, Script, Small, Strong, Table, Tbody, Td, Th, Thead, Tr

from components.charts import Axis, Chart, Charts, Series
from components.connection import ConnectionPanel
from components.live import Live, PauseButton, Swap
from components.parts import Command, Elsewhere, Moment, PageHead, PageTitle, Panel
from components.readings import (
    SIMULATED,
    ChartedSensor,
    SensorCharts,
    SensorFault,
    StoredBatch,
    StoredReading,
)
from components.readings import SensorReading as SensorReading

SHOWN = 50  # rows of a page
STREAM = "/sse-stream"
COLUMNS = ("Sensor", "Temperature", "Humidity", "Pressure", "Time")
AXES = {
    "temperature": Axis("Temperature", "°C", 2),
    "humidity": Axis("Humidity", "%", 8),
    "pressure": Axis("Pressure", "hPa", 4),
}


def ReadingRow(reading: StoredReading) -> FT:
    """Draw a reading."""
    return Tr(
        Td(_Name(reading.sensor), cls="title"),
        Td(f"{reading.temperature:.1f} °C"),
        Td(f"{reading.humidity:.1f} %"),
        Td(f"{reading.pressure:.1f} hPa"),
        Td(Moment(reading.time)),
        id=f"reading-{reading.id}",
    )


def _Name(sensor: str) -> Any:
    return (sensor, " ", Small("made up")) if sensor == SIMULATED else sensor


def ReadingRows(newest: Iterable[StoredReading]) -> FT:
    """Draw the newest readings, where the stream puts the next on top and live-put.js lets the oldest go."""
    rows = map(ReadingRow, newest)
    return Swap("reading", *rows, tag=Tbody, swap="afterbegin", id="readings", data_max=str(SHOWN))


def ReadingTable(newest: Iterable[StoredReading]) -> FT:
    """Show the newest readings."""
    head = Thead(Tr(*(Th(name, scope="col") for name in COLUMNS)))
    table = Table(head, ReadingRows(newest))
    return Div(table, cls="table-wrap readings", tabindex=0, role="region", aria_label="Readings", data_scroll=True)


def SensorChartViews(charts: SensorCharts) -> FT:
    """Draw a chart for each value."""
    if not charts.sensors:
        return P(f"Nothing was measured in the last {charts.minutes} minutes.", cls="waiting")
    drawn = (
        Chart(axis, [_series(one, value) for one in charts.sensors], charts.until, charts.minutes)
        for value, axis in AXES.items()
    )
    return Charts(*drawn, note=f"and {charts.more} more, in the rows below" if charts.more else "")


def _series(charted: ChartedSensor, value: str) -> Series:
    course = getattr(charted, value)
    return Series(charted.sensor, course.points, course.newest, course.low, course.high)


def ChartsRegion(charts: SensorCharts) -> FT:
    """Draw the charts where the stream replaces them."""
    return Swap("charts", SensorChartViews(charts), id="sensor-charts")


def ChartsCard(charts: SensorCharts) -> FT:
    """Draw the charts small, for the overview."""
    return Div(ChartsRegion(charts), id="sensors")


def BatchLine(batch: StoredBatch) -> FT:
    """Tell of readings that came in at once."""
    return P(Strong(f"{batch.count:,}"), " came in from a file at ", Moment(batch.time), ".", cls="waiting")


def BatchRegion(last: StoredBatch | None) -> FT:
    """Tell of the last that came in at once, where the stream replaces it."""
    return Swap("batch", BatchLine(last) if last else None, id="sensor-batch")


def FaultLine(fault: SensorFault) -> FT:
    """Tell of a sensor that failed."""
    return P(f"{fault.sensor} failed {fault.failures} times in a row at ", Moment(fault.time), ": ", fault.reference)


def SensorsPage(
    newest: Iterable[StoredReading],
    charts: SensorCharts,
    last: StoredBatch | None,
    after: str,
    origin: str,
    source: str,
) -> tuple[FT, ...]:
    """Show the charts and the newest readings live, from the cursor `after` on.

    origin: the address of this board, for the command lines. source: the stream's own source.
    """
    curl = (
        f'curl {origin.rstrip("/")}/sensors/greenhouse -H "Authorization: Bearer $(cat data/token)" '
        "-d temperature=21.4 -d humidity=48.5 -d pressure=1013.2"
    )
    return (
        PageTitle("Sensors"),
        PageHead(
            "Sensors",
            "What sensors measure. Programs tell it with a single call; the built-in sensor, ",
            Code(SIMULATED),
            ", makes up what it tells.",
            actions=PauseButton("sensors"),
        ),
        ConnectionPanel("sensors"),
        Live(
            f"{STREAM}?after={after}",
            Panel(ChartsRegion(charts), caption=f"The last {charts.minutes} minutes"),
            Panel(BatchRegion(last), ReadingTable(newest), caption=f"The newest {SHOWN} readings"),
            id="sensors",
        ),
        Div(P("From a terminal:"), Command(curl), cls="from-terminal"),
        Elsewhere(origin, STREAM, source),
        Script(src="/static/panel.js", defer=True),  # before Alpine, which starts as soon as it is there
        Script(src="/static/vendor/alpine-csp.min.js", defer=True),
    )
