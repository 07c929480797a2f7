"""Sensors: what is kept of readings, and what is told of them."""

import itertools
import json
import os
import re
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from programs import Program, events
from servers import WORKERS, Server, until

from components.readings import SensorReading, StoredReading
from streams import readings, sensors, simulated
from streams.database import Database, connect
from tidewire import Hub, Topic
from tidewire.journal.sqlite import SQLiteJournal

QUIET = {"TIDEWIRE_SIMULATED_SENSOR": "no"}
VALUES = {"temperature": "21.4", "humidity": "48.5", "pressure": "1013.2"}


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


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("sensors"), env=QUIET) as server:
        yield server


@pytest.fixture(scope="module")
def program(board: Server) -> Program:
    return Program(board)


@pytest.mark.parametrize("form", ["json", "data"])
def test_a_program_tells_by_form_or_json_and_everybody_hears_it(program: Program, board: Server, form: str) -> None:
    with board.open("/sse/sensors?format=json") as stream:
        stream.read_until(b"retry:")
        answer = program.post(f"/sensors/by-{form}", **{form: VALUES})
        assert answer.status_code == 201
        stream.read_until(b"by-" + form.encode())
    [event] = events(stream)
    assert (event["id"], event["event"]) == (answer.json()["id"], "reading")
    assert json.loads(event["data"])["temperature"] == 21.4


def test_a_key_repeated_measures_once(program: Program) -> None:
    answers = [program.post("/sensors/once", json=VALUES, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("sensor", "given", "field"),
    [
        ("a b", {}, "sensor"),
        ("simulated", {}, "sensor"),
        ("Simulated", {}, "sensor"),
        ("x", {"humidity": "wet"}, "humidity"),
        ("x", {"time": "2999-01-01"}, "time"),
        ("x", {"time": "9999-12-31T23:59:59-14:00"}, "time"),
        ("x", {"time": "0001-01-01T00:00:00+14:00"}, "time"),
        ("x", {"pressure": ""}, "pressure"),
    ],
)
def test_what_makes_no_sense_is_422_and_names_the_field(
    program: Program, sensor: str, given: dict[str, str], field: str
) -> None:
    answer = program.post(f"/sensors/{sensor}", data=VALUES | given)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_the_stream_of_a_tab_begins_with_connected_and_says_close_before_the_server_ends_it(
    serve: Callable[..., Server],
) -> None:
    server = serve(env=QUIET)
    with server.open("/sse-stream") as stream:
        stream.read_until(b"event: connected")
        Program(server).post("/sensors/cellar", json=VALUES)
        stream.read_until(b"event: charts")
        server.tell(signal.SIGTERM)
        stream.read_to_end()
    names = [event["event"] for event in events(stream)]
    assert names[0] == "connected"
    assert names[1:3] == ["reading", "charts"]
    assert events(stream)[-1] == {"event": "close", "data": "stop"}


def test_a_tab_that_comes_back_to_its_stream_is_told_what_it_missed(program: Program, board: Server) -> None:
    seen, missed = (program.post(f"/sensors/{name}", json=VALUES).json()["id"] for name in ("seen", "missed"))
    with board.open("/sse-stream", headers={"Last-Event-ID": seen}) as stream:
        stream.read_until(f"id: {missed}".encode())
    assert [event["data"].count("<td") for event in events(stream)[:2]] == [0, 5]


def measured(server: Server) -> list[tuple[int, str]]:
    with sqlite3.connect(server.folder / "data" / "tidewire.db") as db:
        return db.execute("SELECT id, time FROM readings WHERE sensor = 'simulated' ORDER BY id").fetchall()


@pytest.mark.slow
def test_two_workers_simulate_one_sensor_and_whoever_is_left_goes_on_with_it(serve: Callable[..., Server]) -> None:
    server = serve(WORKERS)
    until(lambda: len(measured(server)) >= 3, 20)
    times = [datetime.fromisoformat(time) for _, time in measured(server)]
    assert all(later - earlier > timedelta(seconds=0.4) for earlier, later in itertools.pairwise(times))
    keeper = keeper_of(server)
    before = len(measured(server))
    os.kill(keeper, signal.SIGKILL)
    until(lambda: len(measured(server)) >= before + 2, 20)


def keeper_of(server: Server) -> int:
    """The process that holds the lock (Linux)."""
    file = (server.folder / "data" / "tidewire.keeper").stat().st_ino
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return next(int(lock[4]) for lock in held if lock[5].endswith(f":{file}"))


@pytest.mark.slow
def test_a_sensor_that_fails_three_times_in_a_row_ends_the_streams_that_tell_of_it_and_begins_again(
    serve: Callable[..., Server],
) -> None:
    server = serve(env={"TIDEWIRE_SIMULATED_FAULTS": "1"})
    with server.open("/sse-stream") as stream:
        stream.read_to_end(30)
    *_, failed, closed = events(stream)
    assert failed["event"] == "stream-error"
    assert 10_000 <= int(failed["retry"]) <= 20_000
    assert re.search(f"3 times in a row, reference {failed['data']}", server.log)
    assert closed == {"event": "close", "data": "done"}
    with server.open("/sse-stream", headers={"Last-Event-ID": failed["id"]}) as stream:
        stream.read_until(b"event: connected")
        assert "stream-error" not in stream.text
