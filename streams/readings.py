"""Readings: the table of what sensors measured, and how much of it is kept."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.datastructures import State

from components.readings import (
    CHART_MINUTES,
    CHART_PARTS,
    CHART_SENSORS,
    SIMULATED,
    ChartedSensor,
    SensorCharts,
    SensorReading,
    StoredBatch,
    StoredReading,
)
from components.sensors import SHOWN
from tidewire import Change, JournalUnavailable

MOST_SENSORS = 1_000  # beside the built-in one
MOST_OF_A_SENSOR = 200_000  # readings; at one a second, more than two days
MOST_IN_ALL = 1_000_000  # about 150 MB
FORGET_SECONDS = 60.0
FORGOTTEN_AT_ONCE = 500  # so that publishers come first
PART_SECONDS = CHART_MINUTES * 60 // CHART_PARTS
VALUES = ("temperature", "humidity", "pressure")


class TooManySensors(ValueError):
    """Say that there is no room for another sensor."""


def prepare(change: Change) -> None:
    """Make the tables. `live` is 1 for a reading that was told by itself, 0 for one of many in a file."""
    change.db.t.sensors.create(name=str, pk="name", if_not_exists=True)
    change.db.t.sensor_batches.create(id=int, count=int, sensors=int, time=str, pk="id", if_not_exists=True)
    change.db.t.readings.create(
        id=int, sensor=str, temperature=float, humidity=float, pressure=float, time=str, live=int, pk="id",
        not_null={"sensor", *VALUES, "time", "live"}, if_not_exists=True,
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
    batch = StoredBatch(count=earlier + len(many), time=datetime.now(UTC))
    change.db.t.sensor_batches.upsert(id=1, count=batch.count, time=_text(batch.time))
    change.publish("sensor-batches", batch)
    return len(many)


def count(db: Any) -> int:
    """Count the readings that are kept."""
    return int(db.q("SELECT count(*) AS number FROM readings")[0]["number"])


def rows(db: Any, after_id: int = 0, limit: int = 1_000) -> list[dict[str, Any]]:
    """Read kept readings in the order in which they came: id, sensor, the three values, time as ISO-8601 in UTC."""
    found: list[dict[str, Any]] = db.q(
        "SELECT id, sensor, temperature, humidity, pressure, time FROM readings WHERE id > ? ORDER BY id LIMIT ?",
        [after_id, limit],
    )
    return found


def newest(db: Any) -> list[StoredReading]:
    """Read the newest that were told by themselves, the newest first."""
    found = db.q("SELECT * FROM readings WHERE live = 1 ORDER BY id DESC LIMIT ?", [SHOWN])
    return [StoredReading(**row) for row in found]


def newest_of(db: Any, sensor: str) -> StoredReading | None:
    """Read what a sensor measured last."""
    found = db.q("SELECT * FROM readings WHERE sensor = ? ORDER BY time DESC LIMIT 1", [sensor])
    return StoredReading(**found[0]) if found else None


def last_batch(db: Any) -> StoredBatch | None:
    """Read what came in last from a file."""
    found = list(db.t.sensor_batches())
    return StoredBatch(**found[0]) if found else None


def charts(db: Any) -> SensorCharts:
    """Read the last minutes, an average for each part of them, of those sensors that measured most in them."""
    end = (int(datetime.now(UTC).timestamp()) // PART_SECONDS + 1) * PART_SECONDS
    until = datetime.fromtimestamp(end, UTC)
    span = [_text(until - timedelta(minutes=CHART_MINUTES)), _text(until)]
    active = db.q(
        "SELECT name, (SELECT count(*) FROM readings WHERE sensor = name AND time >= ? AND time < ?) AS number "
        "FROM sensors WHERE number > 0 ORDER BY number DESC, name",
        span,
    )
    names = sorted(row["name"] for row in active[:CHART_SENSORS])
    charted = [_charted(db, name, span, end - CHART_MINUTES * 60) for name in names]
    return SensorCharts(until=until, sensors=charted, more=len(active) - len(names))


def _charted(db: Any, sensor: str, span: list[str], start: int) -> ChartedSensor:
    of = ", ".join(f"avg({one}) AS {one}, min({one}) AS low_{one}, max({one}) AS high_{one}" for one in VALUES)
    where = "FROM readings WHERE sensor = ? AND time >= ? AND time < ?"
    parts = db.q(
        f"SELECT (unixepoch(time) - ?) / ? AS part, {of} {where} GROUP BY part",
        [start, PART_SECONDS, sensor, *span],
    )
    [last] = db.q(f"SELECT {', '.join(VALUES)} {where} ORDER BY time DESC, id DESC LIMIT 1", [sensor, *span])
    values = {}
    for name in VALUES:
        points: list[float | None] = [None] * CHART_PARTS
        for part in parts:
            points[part["part"]] = round(part[name], 2)
        low, high = min(part[f"low_{name}"] for part in parts), max(part[f"high_{name}"] for part in parts)
        values[name] = {"points": points, "newest": last[name], "low": low, "high": high}
    return ChartedSensor.model_validate({"sensor": sensor, **values})


async def forget(state: State) -> None:
    """Let the oldest readings go, again and again, where there are too many."""
    while True:
        await asyncio.sleep(FORGET_SECONDS)
        if state.keeper():
            with suppress(JournalUnavailable):
                await forget_now(state)


async def forget_now(state: State) -> None:
    """Let the oldest readings go of each sensor that has more than its share."""
    for sensor, surplus in (await asyncio.to_thread(surpluses, state.db)).items():
        while surplus > 0:
            surplus -= await state.hub.change(_drop, sensor, min(surplus, FORGOTTEN_AT_ONCE))


def surpluses(db: Any) -> dict[str, int]:
    """Count what has to go of each sensor, so that those who have most give first."""
    counted = db.q("SELECT sensor, count(*) AS number FROM readings GROUP BY sensor")
    share, room, others = MOST_OF_A_SENSOR, MOST_IN_ALL, len(counted)
    for number in sorted(min(row["number"], MOST_OF_A_SENSOR) for row in counted):
        if number * others > room:
            share = room // others
            break
        room, others = room - number, others - 1
    return {row["sensor"]: row["number"] - share for row in counted if row["number"] > share}


def _drop(change: Change, sensor: str, count: int) -> int:
    change.db.execute(
        "DELETE FROM readings WHERE id IN (SELECT id FROM readings WHERE sensor = ? ORDER BY time LIMIT ?)",
        [sensor, count],
    )
    return count


def _know(db: Any, names: set[str]) -> None:
    new = [name for name in names if not db.q("SELECT 1 FROM sensors WHERE name = ?", [name])]
    if set(new) - {SIMULATED}:
        [known] = db.q("SELECT count(*) AS number FROM sensors WHERE name <> ?", [SIMULATED])
        if known["number"] + len(set(new) - {SIMULATED}) > MOST_SENSORS:
            raise TooManySensors(f"expected at most {MOST_SENSORS} sensors in all, got another: {min(new)!r}")
    db.t.sensors.insert_all({"name": name} for name in new)


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")
