"""Sensors: the contract of a reading, and the rows that show the newest."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastcore.xml import FT
from fasthtml.components import Div, Span, Table, Tbody, Td, Th, Thead, Tr
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, field_validator

from components.live import Live, PauseButton, Swap
from components.parts import Moment, PageHead, PageTitle, Panel

SHOWN = 50  # rows of a page
SIMULATED = "simulated"  # the name of the built-in sensor
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
NAME_LENGTH = 64
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)  # that the clock of a program may be ahead


def _named(name: str) -> str:
    if not re.match(NAME, name):
        raise ValueError(f"expected letters, digits, '.', '-' and '_', a letter or digit first, got {name!r}")
    return name


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


SensorName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    AfterValidator(_named),
    Field(description="which one", examples=["greenhouse"], json_schema_extra={"pattern": NAME}),
]


class Reading(BaseModel):
    """What a sensor measured, within what is plausible."""

    sensor: SensorName
    temperature: float = Field(ge=-100, le=100, allow_inf_nan=False, description="in degrees Celsius", examples=[21.4])
    humidity: float = Field(ge=0, le=100, allow_inf_nan=False, description="relative, in percent", examples=[48.5])
    pressure: float = Field(ge=300, le=1200, allow_inf_nan=False, description="in hectopascals", examples=[1013.2])
    time: Annotated[datetime, AfterValidator(_utc)] = Field(
        default_factory=lambda: datetime.now(UTC),
        ge=FIRST,
        description="when it was measured; a time without a zone is taken for UTC",
    )


class SensorReading(Reading):
    """A reading as it comes in, from a program or a file; one that tells no time is of now."""

    @field_validator("time")
    @classmethod
    def _has_come(cls, time: datetime) -> datetime:
        if time > datetime.now(UTC) + AHEAD:
            raise ValueError(f"expected a time that has come, got {time.isoformat()}")
        return time


class StoredReading(Reading):
    """A reading that is kept."""

    id: int


class StoredBatch(BaseModel):
    """Readings that came in at once, from a file: told as one."""

    count: int = Field(ge=1, description="how many")
    sensors: int = Field(ge=1, description="of how many sensors, in the last part of it")
    time: datetime = Field(description="when they came in, in UTC")


def ReadingRow(reading: StoredReading) -> FT:
    """Draw a reading."""
    simulated = reading.sensor == SIMULATED and Span("not a real one", cls="pill", data_level="info")
    return Tr(
        Td(reading.sensor, " ", simulated, cls="title"),
        Td(f"{reading.temperature:.1f} °C"),
        Td(f"{reading.humidity:.1f} %"),
        Td(f"{reading.pressure:.1f} hPa"),
        Td(Moment(reading.time)),
        id=f"reading-{reading.id}",
    )


def ReadingRows(newest: Iterable[StoredReading]) -> FT:
    """Draw the newest readings, where the stream puts the next on top and live.js lets the oldest go."""
    rows = map(ReadingRow, newest)
    return Swap("reading", *rows, tag=Tbody, swap="afterbegin", id="readings", data_max=str(SHOWN))


def ReadingTable(newest: Iterable[StoredReading]) -> FT:
    """Show the newest readings."""
    names = ("Sensor", "Temperature", "Humidity", "Pressure", "Time")
    head = Thead(Tr(*(Th(name, scope="col") for name in names)))
    return Div(Table(head, ReadingRows(newest)), cls="table-wrap", tabindex=0, role="region", aria_label="Readings")


def SensorsPage(newest: Iterable[StoredReading], after: str) -> tuple[FT, ...]:
    """Show the readings live, from the cursor `after` on."""
    panel = Panel(ReadingTable(newest), caption="/sse/sensors", actions=PauseButton("readings"))
    return (
        PageTitle("Sensors"),
        PageHead("Sensors", f"The newest {SHOWN} readings."),
        Live(f"/sse/sensors?after={after}", panel),
    )
