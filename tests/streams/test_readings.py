"""Readings without a server: what is kept of them, told, charted and forgotten, and what a sensor that fails ends."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.readings import SensorReading, StoredReading
from streams import readings, sensors, simulated
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
    await hub.change(readings.prepare)
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
    assert [one.sensor for one in readings.newest(hub.context)] == ["told"]


async def test_one_sensor_too_many_is_refused_and_nothing_of_it_is_kept(hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setattr(readings, "MOST_SENSORS", 2)
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


async def test_charts_hold_an_average_for_each_part_of_the_last_minutes_and_nothing_where_nothing_was(hub: Hub) -> None:
    now = datetime.now(UTC)
    for ago, temperature in ((900, 99), (300, 10), (300, 20), (1, 12)):
        await hub.change(readings.record, reading(time=now - timedelta(seconds=ago), temperature=temperature))
    [charted] = readings.charts(hub.context).sensors
    course = charted.temperature
    assert [point for point in course.points if point is not None] == [15, 12]
    assert (course.newest, course.low, course.high) == (12, 10, 20)
    assert len(course.points) == 120


async def test_charts_show_the_sensors_that_measured_most_and_say_how_many_more_there_are(hub: Hub) -> None:
    await hub.change(readings.store, [reading(f"s{n}") for n in range(6) for _ in range(n)])
    charts = readings.charts(hub.context)
    assert [one.sensor for one in charts.sensors] == ["s2", "s3", "s4", "s5"]
    assert charts.more == 1


async def test_the_oldest_readings_go_of_those_sensors_that_have_most(hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setattr(readings, "MOST_OF_A_SENSOR", 900)
    monkeypatch.setattr(readings, "MOST_IN_ALL", 1_000)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    many = [reading("busy", time=began + timedelta(seconds=n)) for n in range(2_000)]
    await hub.change(readings.store, [*many, *[reading("calm")] * 50, *[reading("brisk")] * 600])

    await readings.forget_now(SimpleNamespace(hub=hub, db=hub.context))  # type: ignore[arg-type]
    kept = {name: [row for row in readings.rows(hub.context, limit=9_999) if row["sensor"] == name] for name in
            ("busy", "calm", "brisk")}  # fmt: skip
    assert {name: len(rows) for name, rows in kept.items()} == {"busy": 475, "calm": 50, "brisk": 475}
    assert kept["busy"][-1]["time"] == many[-1].time.isoformat(timespec="milliseconds")
    assert readings.surpluses(hub.context) == {}


class Scripted:
    """A sensor that answers or fails as it is told."""

    def __init__(self, script: str) -> None:
        self.script = iter(script)

    def measure(self) -> SensorReading:
        if next(self.script) == "-":
            raise simulated.SensorError("it did not answer")
        return reading("scripted")


async def test_two_failures_in_a_row_are_bridged_and_the_third_ends_the_streams_that_tell_of_the_sensor(
    hub: Hub, monkeypatch: Any
) -> None:
    monkeypatch.setattr(simulated, "PAUSE_SECONDS", (0, 0))
    state = SimpleNamespace(hub=hub)
    request = SimpleNamespace(app=SimpleNamespace(state=state))
    stream = sensors.sse_stream.generator(request, after=hub.cursor)
    await simulated._run(state, Scripted("+--+--+---"))  # type: ignore[arg-type]
    assert len(readings.rows(hub.context)) == 3
    told = [said if isinstance(said, str) else said.decode() async for said in stream]
    assert [re.search("event: (.*)", said)[1] for said in told] == ["connected", *["reading"] * 3, "stream-error"]
    assert re.search(r"id: \S+\nretry: 1\d{4}\ndata: [0-9a-f]{8}\n\n$", told[-1])
