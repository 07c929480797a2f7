"""Kills and workers lose and double nothing: with real processes. Run with `pytest -m slow tests/durability -s`."""

import asyncio
import json
import random
import time

import pytest
from durability.crowd import Line, one_order, pause, percentile, reading
from durability.processes import serving

pytestmark = [pytest.mark.slow, pytest.mark.alone]


async def write(server, numbers, written, text=""):
    """Publish these numbers one after the other, each until it is acknowledged."""
    line = Line(server)
    for number in numbers:
        answer = await line.ask("POST", "/posts", {"n": number, "text": text})
        written[number] = answer["id"]
    line.close()


async def complete(readers, events, seconds=30):
    """Wait until every reader has so many events; say what is missing if it does not get them."""
    waiting = asyncio.gather(*(reader.until(events) for reader in readers))
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        missing = {len(set(range(events)) - set(reader.numbers)) for reader in readers}
        where = {(reader.id, reader.connections, reader.resets, len(reader.numbers)) for reader in readers}
        raise AssertionError(f"missing: {missing}; {where}") from None


async def test_fifty_kills_lose_and_double_nothing(tmp_path):
    events, kills, subscribers, publishers = 10_000, 50, 20, 8
    chance = random.Random(3)
    with serving(tmp_path) as server:
        async with asyncio.timeout(240), reading(server, subscribers) as readers:
            written: dict[int, str] = {}
            writing = [
                asyncio.ensure_future(write(server, range(first, events, publishers), written))
                for first in range(publishers)
            ]
            for threshold in sorted(chance.sample(range(events - 200), kills)):
                while len(written) < threshold:
                    await pause(0.001)
                await pause(chance.random() * 0.03)  # an instant between two answers, not after one
                server.kill()
                server.start()
            await asyncio.gather(*writing)
            assert len(written) == events
            await complete(readers, events)
            one_order(readers, range(events))
            assert min(reader.connections for reader in readers) > 5
        rows = server.rows("SELECT n, event FROM posts")
        kept = server.rows("SELECT sequence, data FROM tidewire_events")
        epoch = rows[0][1].rpartition("-")[0]
        assert sorted(rows) == sorted((json.loads(data)["n"], f"{epoch}-{sequence}") for sequence, data in kept)
        assert dict(rows) == written
    print(f"\n{kills} kills, {events} events, {subscribers} subscribers: 0 lost, 0 doubled")


async def test_two_workers_publish_one_order(tmp_path):
    events, rate, subscribers = 20_000, 500, 50
    with serving(tmp_path, workers=2) as server:
        lines: dict[int, Line] = {}
        async with asyncio.timeout(150):
            while len(lines) < 2:
                line = Line(server)
                lines.setdefault((await line.ask("GET", "/about"))["pid"], line)
        async with asyncio.timeout(150), reading(server, subscribers) as readers:
            assert len({reader.pid for reader in readers}) == 2
            publisher = {}

            async def publish(pid, numbers):
                begin = time.monotonic()
                for count, number in enumerate(numbers):
                    await pause(max(0.0, begin + count * 4 / rate - time.monotonic()))
                    publisher[number] = (await lines[pid].ask("POST", "/posts", {"n": number}))["pid"]

            # Two connections to each worker: one answer at a time would be slower than the rate.
            one, other = lines
            extra: dict[int, Line] = {}
            while len(extra) < 2:
                line = Line(server)
                extra.setdefault((await line.ask("GET", "/about"))["pid"], line)
            lines |= {-pid: line for pid, line in extra.items()}
            begun = time.monotonic()
            await asyncio.gather(
                *(publish(pid, range(first, events, 4)) for first, pid in enumerate((one, -one, other, -other)))
            )
            took = time.monotonic() - begun
            await asyncio.gather(*(reader.until(events) for reader in readers))
            one_order(readers, range(events))
        committed = {json.loads(data)["n"]: at for data, at in server.rows("SELECT data, time FROM tidewire_events")}
        waits = [
            arrived - committed[number]
            for reader in readers
            for number, arrived in zip(reader.numbers, reader.arrivals, strict=True)
            if publisher[number] != reader.pid
        ]
        p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
        print(
            f"\n{events} events at {events / took:.0f}/s on two workers, {subscribers} subscribers: 0 lost, 0 doubled; "
            f"commit to a subscriber on the other worker: median {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"
        )
        assert p99 < 0.5
