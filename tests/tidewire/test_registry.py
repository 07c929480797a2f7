"""The connections that are open: what /sse-health says of them, what they cost, and that none is kept for nobody."""

import asyncio
import os
import socket
import subprocess
import sys
import time

import pytest
from checkout import ROOT
from raw_http import Stream
from servers import streams, until

from tidewire.connection import Connection
from tidewire.registry import Registry

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


async def connection(**given):
    async def send(message):
        pass

    return Connection({"path": "/sse/x", "client": ("127.0.0.1", 1)}, send, **given)


async def test_a_connection_tells_its_life():
    registry = Registry()
    one = await connection()
    registry.add(one)
    await one.write(b"data: x\n\n", 1)
    await one.write(one.beat())
    health = registry.health()
    assert health["process"] == os.getpid()
    assert health["active_connections"] == 1
    [told] = health["connections"]
    assert 0 <= told.pop("seconds_since_last_message") <= told.pop("uptime_seconds") < 5
    assert registry.find(told.pop("id")) is one
    assert abs(told.pop("since") - time.time()) < 60
    assert told == {
        "stream": "/sse/x", "client": "127.0.0.1", "link": False, "events": 1, "bytes": 12, "errors": 0,
        "parked": False,
    }  # fmt: skip


async def test_the_first_reason_to_end_counts():
    one = await connection()
    one.end("stop")
    one.end("left")
    assert one.reason == "stop"


async def test_a_stop_reaches_every_connection_and_lets_no_more_in():
    registry = Registry()
    several = [await connection() for _ in range(3)]
    for one in several:
        registry.add(one)
    registry.stop()
    assert [one.reason for one in several] == ["stop"] * 3
    assert registry.stopping


async def test_the_timer_rests_while_nothing_is_open():
    registry = Registry()
    one = await connection(max_age=0)
    registry.add(one)
    registry._sweep()
    assert one.reason == "age"
    registry.discard(one)
    registry._sweep()
    assert registry._sweeper is None
    registry.add(await connection())
    assert registry._sweeper is not None
    registry._sweeper.cancel()


async def test_heartbeats_go_to_those_that_were_silent_only():
    registry = Registry(heartbeat=10)
    silent, lively = await connection(), await connection()
    silent.last -= 11
    for one in (silent, lively):
        registry.add(one)
    registry._sweep()
    await asyncio.wait(registry._beats)
    assert (silent.bytes, lively.bytes) == (3, 0)
    registry._sweeper.cancel()


def test_health_lists_the_open_streams_and_forgets_those_that_left(board):
    with streams(board, "/sse/counter", 2), streams(board, "/events", 1) as [events]:
        events.read_until(b"Update #2")
        health = board.get("/sse-health")
        assert health.headers["cache-control"] == "no-store"
        assert sorted(told["stream"] for told in health.json()["connections"]) == [
            "/events",
            "/sse/counter",
            "/sse/counter",
        ]
        told = next(told for told in health.json()["connections"] if told["stream"] == "/events")
        assert told["events"] >= 2
        assert told["bytes"] > 100
    until(lambda: board.connections() == 0, 5)


@linux
def test_a_thousand_clients_that_come_and_leave_leave_nothing(serve, many_files, record_property):
    server = serve()

    def come_and_leave(cycles):
        for _ in range(cycles // 50):
            with streams(server, "/sse/clock", 50):
                pass
        until(lambda: server.connections() == 0, 5)

    come_and_leave(500)  # what is allocated once is no leak
    before = server.memory()
    come_and_leave(1000)
    record_property("grown", server.memory() - before)
    assert server.memory() - before < 5_000_000
    assert server.complaints() == []


@linux
def test_an_idle_stream_costs_no_more_than_16_kib(record_property):
    printed = subprocess.run(
        [sys.executable, "benchmarks/idle.py"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    ).stdout
    bare, board = (float(line.split(" KiB")[0].split()[-1]) for line in printed.splitlines())
    record_property("kib", board)
    assert bare < board < 16


def test_a_client_that_left_in_mid_head_is_no_fault(serve):
    server = serve()
    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(b"GET /sse/counter HTTP/1.1\r\nHo")
    with Stream((server.host, server.port), "/sse/counter") as stream:
        stream.read_until(b"data:")
    until(lambda: server.connections() == 0)
    assert server.complaints() == []


async def test_where_the_kernel_gives_nobody_up_a_stream_has_an_age(monkeypatch):
    monkeypatch.setattr("tidewire.connection.MAX_AGE_SECONDS", 600.0)
    assert (await connection()).max_age == 600.0
    assert (await connection(max_age=5.0)).max_age == 5.0
