"""The figures of a process: what is counted, and what somebody who closes a connection does to its client."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

from asgi import Client
from starlette.applications import Starlette

from tidewire import per_tab, sse_message, stream_routes
from tidewire.layer import Tidewire
from tidewire.stream import NEVER

CLOSED = f": closed\nretry: {NEVER}\n\n"


@per_tab("three")
async def three() -> AsyncIterator[str]:
    for n in (1, 2, 3):
        yield sse_message(str(n), id=n)
    await asyncio.Event().wait()


@per_tab("failing")
async def failing() -> AsyncIterator[str]:
    yield sse_message("here")
    raise ValueError("no more")


def app() -> Tidewire:
    return Tidewire(Starlette(routes=stream_routes([three, failing])))


def link(board: Tidewire, *urls: str) -> Client:
    add = [[number, url, "2" if number == 2 else ""] for number, url in enumerate(urls, 1)]
    return Client(board, "/sse/mux", method="POST", content=json.dumps({"add": add}).encode())


async def test_figures_count_what_is_open_and_what_has_ended():
    board = app()
    async with Client(board, "/sse/three") as client:
        await client.until(lambda: "data: 3" in client.body)
        now = board.registry.figures()
        assert (now["connections"], now["streams"], now["events"]) == (1, 1, 3)
        size = now["bytes"]
    after = board.registry.figures()
    assert (after["connections"], after["streams"], after["parked"]) == (0, 0, 0)
    assert (after["connections_opened"], after["streams_opened"], after["events"]) == (1, 1, 3)
    assert after["bytes"] == size > 0
    assert after["connection_seconds"] > 0


async def test_a_link_is_one_connection_and_its_streams_are_streams():
    board = app()
    async with link(board, "/sse/three", "/sse/three") as client:
        await client.until(lambda: client.body.count("data: 3") == 2)
        now = board.registry.figures()
        assert (now["connections"], now["streams"], now["events"]) == (1, 2, 6)
        on_the_wire = len(client.body.encode()) - len(client.body.partition("\n\n")[0]) - 2
        assert now["bytes"] == on_the_wire
        assert now["reconnects"] == 1
    assert board.registry.figures()["connections"] == 0


async def test_a_failure_and_a_return_are_counted():
    board = app()
    async with Client(board, "/sse/failing", last_event_id="7") as client:
        await client.done()
    figures = board.registry.figures()
    assert (figures["errors"], figures["reconnects"], figures["events"]) == (1, 1, 2)


async def test_a_client_that_takes_nothing_is_a_parked_reader():
    board = app()
    async with Client(board, "/sse/three") as client:
        await client.until(lambda: "data: 3" in client.body)
        client.stall()
        [connection] = board.registry
        beat = connection.write(connection.beat())
        beat.send(None)
        assert board.registry.figures()["parked"] == 1
        assert board.registry.health()["connections"][0]["parked"]
        beat.close()
        assert board.registry.figures()["parked"] == 0


async def test_only_the_newest_connections_are_described_where_there_are_many():
    board = app()
    async with Client(board, "/sse/three") as first, Client(board, "/sse/three") as second:
        for client in (first, second):
            await client.until(lambda: "data: 3" in client.body)  # noqa: B023
        [newest] = board.registry.health(1)["connections"]
        both = board.registry.health()["connections"]
        assert newest == {**both[1], "uptime_seconds": newest["uptime_seconds"]} | {
            "seconds_since_last_message": newest["seconds_since_last_message"]
        }
        assert board.registry.health(1)["active_connections"] == 2


async def test_one_that_is_closed_ends_in_an_orderly_way_and_is_told_to_stay_away():
    board = app()
    async with Client(board, "/sse/three") as client:
        await client.until(lambda: "data: 3" in client.body)
        [connection] = board.registry
        assert board.registry.find(connection.id) is connection
        assert board.registry.find("nobody") is None
        connection.end("closed")
        await client.done()
        assert client.body.endswith(CLOSED)
        assert client.ended
    assert board.registry.find(connection.id) is None


async def test_a_link_that_is_closed_says_so_for_all_its_streams():
    board = app()
    async with link(board, "/sse/three", "/sse/three") as client:
        await client.until(lambda: client.body.count("data: 3") == 2)
        connection = next(one for one in board.registry if one.carries)
        connection.end("closed")
        await client.done()
        assert client.body.endswith(CLOSED)
        assert '"end"' not in client.body
        assert len(board.registry) == 0


async def test_a_stream_that_is_closed_leaves_its_link_to_the_others():
    board = app()
    async with link(board, "/sse/three", "/sse/three") as client:
        await client.until(lambda: client.body.count("data: 3") == 2)
        closed, kept = (one for one in board.registry if one.link)
        closed.end("closed")
        await client.until(lambda: '{"end":true}' in client.body)
        assert re.search(rf":\d \d+\n{CLOSED}:\d {{\"end\":true}}", client.body)
        assert kept.reason is None
