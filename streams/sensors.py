"""Sensors: what they measure, from programs, from files and from the built-in one."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any

from fasthtml.core import APIRouter
from starlette.datastructures import State

from components.page import Layout
from components.sensors import SHOWN, ReadingRow, ReadingRows, SensorReading, SensorsPage, StoredBatch, StoredReading
from streams import LiveThing
from tidewire import Change, Event, Retention, sse_message, topic

MOST_SENSORS = 1_000
MOST_LISTENED = Retention(count=1_000, age=24 * 3600.0)

routes = APIRouter(body_wrap=Layout)


class TooManySensors(ValueError):
    """Say that there is no room for another sensor."""


def prepare(change: Change) -> None:
    """Make the tables. `live` is 1 for a reading that was told by itself, 0 for one of many in a file."""
    change.db.t.sensors.create(name=str, pk="name", if_not_exists=True)
    change.db.t.readings.create(
        id=int, sensor=str, temperature=float, humidity=float, pressure=float, time=str, live=int, pk="id",
        not_null={"sensor", "temperature", "humidity", "pressure", "time", "live"}, if_not_exists=True,
    )  # fmt: skip
    change.db.execute("CREATE INDEX IF NOT EXISTS readings_of_a_sensor ON readings (sensor, time)")
    change.db.execute("CREATE INDEX IF NOT EXISTS readings_live ON readings (id) WHERE live = 1")


def record(change: Change, reading: SensorReading) -> str:
    """Keep a reading, tell everybody, and return the id of its event; raise TooManySensors where there is no room."""
    _know(change.db, {reading.sensor})
    row = change.db.t.readings.insert(**reading.model_dump(exclude={"time"}), time=_text(reading.time), live=1)
    return change.publish("sensors", {name: row[name] for name in StoredReading.model_fields})


def store(change: Change, readings: Iterable[SensorReading], *, earlier: int = 0) -> int:
    """Keep many readings, and tell everybody once; return how many, or raise TooManySensors and keep none.

    earlier: how many of the same file were stored before, where it comes in parts: what is told counts them.
    """
    many = list(readings)
    if not many:
        return 0
    names = {one.sensor for one in many}
    _know(change.db, names)
    change.db.conn.executemany(
        "INSERT INTO readings (sensor, temperature, humidity, pressure, time, live) VALUES (?, ?, ?, ?, ?, 0)",
        ((one.sensor, one.temperature, one.humidity, one.pressure, _text(one.time)) for one in many),
    )
    batch = StoredBatch(count=earlier + len(many), sensors=len(names), time=datetime.now(UTC))
    change.publish("sensor-batches", batch)
    return len(many)


def rows(db: Any, after_id: int = 0, limit: int = 1_000) -> list[dict[str, Any]]:
    """Read kept readings in the order in which they came: id, sensor, the three values, time as ISO-8601 in UTC."""
    fields = ", ".join(("id", "sensor", "temperature", "humidity", "pressure", "time"))
    found: list[dict[str, Any]] = db.q(
        f"SELECT {fields} FROM readings WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608
        [after_id, limit],
    )
    return found


def _know(db: Any, names: set[str]) -> None:
    new = [name for name in names if not db.q("SELECT 1 FROM sensors WHERE name = ?", [name])]
    known = db.q("SELECT count(*) AS number FROM sensors")[0]["number"] if new else 0
    if known + len(new) > MOST_SENSORS:
        raise TooManySensors(f"expected at most {MOST_SENSORS} sensors in all, got another: {sorted(new)[0]!r}")
    db.t.sensors.insert_all({"name": name} for name in new)


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def newest(db: Any) -> list[StoredReading]:
    """Read the newest that were told, the newest first."""
    found = db.q("SELECT * FROM readings WHERE live = 1 ORDER BY id DESC LIMIT ?", [SHOWN])
    return [StoredReading(**row) for row in found]


@topic("sensors", StoredReading, event="reading", snapshot=lambda db: ReadingRows(newest(db)), retention=MOST_LISTENED)
async def sensors(told: AsyncIterator[Event[StoredReading]]) -> AsyncIterator[str]:
    """Tell each reading."""
    async for event in told:
        yield sse_message(ReadingRow(event.data), event="reading", id=event.id)


@topic("sensor-batches", StoredBatch, event="batch", snapshot=lambda db: "", keep="latest")
async def batches(told: AsyncIterator[Event[StoredBatch]]) -> AsyncIterator[str]:
    """Tell of readings that came in at once."""
    async for event in told:
        yield sse_message(event.data, event="batch", id=event.id)


@routes("/sensors", methods=["GET"])
def page(state: State) -> Any:
    """Show the newest readings."""
    after = state.hub.cursor
    return SensorsPage(newest(state.db), after)


thing = LiveThing(
    "sensors", "Sensors", "Temperature, humidity and pressure", "/sensors", routes, [sensors, batches], prepare=prepare
)
