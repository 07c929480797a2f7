"""Sensors: what is kept of readings, and what is told of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from components.sensors import SensorReading, StoredReading
from streams import sensors
from streams.database import Database, connect
from tidewire import Hub, Topic
from tidewire.journal.sqlite import SQLiteJournal


def reading(sensor: str = "cellar", **given: Any) -> SensorReading:
    return SensorReading.model_validate({"sensor": sensor, "temperature": 12, "humidity": 60, "pressure": 1001} | given)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    file = tmp_path / "tidewire.db"
    topics = [stream for stream in sensors.thing.streams if isinstance(stream, Topic)]
    hub = Hub(SQLiteJournal(file, connect=connect), topics, Database(file))
    await hub.open()
    await hub.change(sensors.prepare)
    yield hub
    await hub.close()


async def test_a_reading_is_kept_and_told_and_its_time_is_of_utc(hub: Hub) -> None:
    told = await hub.change(sensors.record, reading(time="2026-03-01T12:00:00+02:00"))
    [row] = sensors.rows(hub.context)
    assert row == {
        "id": 1, "sensor": "cellar", "temperature": 12, "humidity": 60, "pressure": 1001,
        "time": "2026-03-01T10:00:00.000+00:00",
    }  # fmt: skip
    assert [message.id for message in hub.window.after(0, hub.delivered)] == [told]


async def test_readings_of_a_file_are_kept_without_an_event_for_each_and_told_as_one(hub: Hub) -> None:
    before = hub.delivered
    assert await hub.change(sensors.store, [reading(temperature=n / 10) for n in range(500)]) == 500
    assert await hub.change(sensors.store, [reading("attic")] * 20, earlier=500) == 20
    assert hub.delivered == before + 2
    assert [hub.window.after(before, hub.delivered)[-1].entry.data[:12]] == [b'{"count":520']
    assert len(sensors.rows(hub.context)) == 520
    assert [row["id"] for row in sensors.rows(hub.context, after_id=515, limit=3)] == [516, 517, 518]


async def test_what_came_in_a_file_is_not_among_the_newest_that_were_told(hub: Hub) -> None:
    await hub.change(sensors.record, reading("told"))
    await hub.change(sensors.store, [reading("filed")] * 60)
    assert [one.sensor for one in sensors.newest(hub.context)] == ["told"]


async def test_one_sensor_too_many_is_refused_and_nothing_of_it_is_kept(hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setattr(sensors, "MOST_SENSORS", 2)
    await hub.change(sensors.store, [reading("a"), reading("b")])
    for change in ((sensors.store, [reading("a"), reading("c")]), (sensors.record, reading("c"))):
        with pytest.raises(sensors.TooManySensors, match="at most 2 sensors in all, got another: 'c'"):
            await hub.change(*change)
    assert len(sensors.rows(hub.context)) == 2
    await hub.change(sensors.record, reading("a"))


@pytest.mark.parametrize(
    ("given", "field", "reason"),
    [
        ({"sensor": "a b"}, "sensor", "letters, digits"),
        ({"sensor": "x" * 65}, "sensor", "64"),
        ({"temperature": "warm"}, "temperature", "number"),
        ({"temperature": "nan"}, "temperature", "finite"),
        ({"humidity": 101}, "humidity", "less than or equal to 100"),
        ({"pressure": 0}, "pressure", "greater than or equal to 300"),
        ({"time": "2999-01-01T00:00:00Z"}, "time", "has come"),
        ({"time": "yesterday"}, "time", "datetime"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_and_the_reason(given: Any, field: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        reading(**given)
    [fault] = refused.value.errors()
    assert fault["loc"] == (field,)
    assert reason in fault["msg"]


def test_a_stored_reading_can_be_drawn_however_late() -> None:
    kept = StoredReading(id=1, **reading().model_dump())
    assert StoredReading.model_validate_json(kept.model_dump_json()) == kept
