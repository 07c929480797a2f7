"""Readings: the contracts of what sensors measure, of many at once, of charts, and of a sensor that failed."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, field_validator

SIMULATED = "simulated"  # the name of the built-in sensor
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
NAME_LENGTH = 64
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)  # that the clock of a program may be ahead

CHART_MINUTES = 10
CHART_PARTS = 120  # of these minutes, each drawn as one point
CHART_SENSORS = 4  # lines in a chart


def _named(name: str) -> str:
    if not re.match(NAME, name):
        raise ValueError(f"expected letters, digits, '.', '-' and '_', a letter or digit first, got {name!r}")
    return name


def _utc(time: datetime) -> datetime:
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"expected a time that there is in UTC, got {time.isoformat()}") from None


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
    time: datetime = Field(description="when they came in, in UTC")


class Course(BaseModel):
    """How a value went: an average for each part of the time shown, null where nothing was measured."""

    points: list[float | None] = Field(description="the oldest first")
    newest: float
    low: float
    high: float


class ChartedSensor(BaseModel):
    """How the values of a sensor went."""

    sensor: SensorName
    temperature: Course = Field(description="in degrees Celsius")
    humidity: Course = Field(description="in percent")
    pressure: Course = Field(description="in hectopascals")


class SensorCharts(BaseModel):
    """The last minutes, up to a time in UTC, of some sensors."""

    until: datetime
    minutes: int = CHART_MINUTES
    sensors: list[ChartedSensor] = Field(description="those that measured most, by their names")
    more: int = Field(0, ge=0, description="how many others measured in that time")


class SensorFault(BaseModel):
    """A sensor that failed too often in a row: its stream has ended."""

    sensor: SensorName
    failures: int = Field(ge=1, description="in a row")
    reference: str = Field(description="under which the log has the reason")
    time: datetime = Field(description="when it gave up, in UTC")
