"""Sensors on a real board: what programs tell of them, and what their streams say."""

import itertools
import json
import os
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from programs import Program, events
from servers import WORKERS, Server, until

QUIET = {"TIDEWIRE_SIMULATED_SENSOR": "no"}
VALUES = {"temperature": "21.4", "humidity": "48.5", "pressure": "1013.2"}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("sensors"), env=QUIET) as server:
        yield server


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
