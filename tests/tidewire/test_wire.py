"""Wires, on real sockets: what the server writes and what goes past it is one stream, whatever its client does."""

import asyncio
import contextlib
import errno
import os
import ssl

import pytest
from hubs import PATIENCE, opened, turns_until
from wired import Board, Sluggish, feed, loops

from tidewire.journal.memory import MemoryJournal
from tidewire.wire import wire_to

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere there are none")


@pytest.fixture(params=loops())
def on_a_board(request):
    """Run a coroutine with a board, in each of the loops that uvicorn knows."""

    def run(test):
        async def with_board():
            async with opened(MemoryJournal(), feed) as hub, Board(hub) as board:
                await test(board)

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(with_board())

    return run


def test_who_has_taken_an_event_gets_the_next_past_the_server(on_a_board):
    async def test(board):
        clients = [await board.client() for _ in range(3)]
        assert board.wires == [], "an idle stream holds one descriptor"
        await board.publish(1)
        assert len(board.wires) == 3
        await board.publish(2, 3)
        for client in clients:
            assert await client.until(3) == [1, 2, 3]
        assert [one.counted()[0] for one in board.app.registry] == [3, 3, 3]

    on_a_board(test)


def test_a_client_that_does_not_read_loses_nothing_and_holds_nobody_up(on_a_board):
    async def test(board):
        slow, well = await board.client(), await board.client()
        number = 0
        while board.hub.counts["parked"] == 0:
            number += 1
            await board.publish(number, text="x" * 60_000)
            await well.until(number)
            assert number < 2000, "it is never slow"
        assert len(board.wires) == 1
        await board.publish(number + 1)
        assert await slow.until(number + 1) == [*range(1, number + 2)]
        await turns_until(lambda: all(one.group for one in board.app.registry))
        await board.publish(number + 2, number + 3)
        for client in (slow, well):
            assert await client.until(number + 3) == [*range(1, number + 4)]
        assert len(board.wires) == 2

    on_a_board(test)


def at_once(board, number):
    """Send an event in this very step, before the loop finds that the socket takes bytes again."""
    [group] = board.hub.fanout._groups.values()
    group.send(b"id: e-%d\ndata: %d \n\n" % (number, number), 1, board.hub.flushed)


def test_what_the_server_holds_back_is_not_overtaken(on_a_board):
    async def test(board):
        client = Sluggish(board)
        subscriber = await client.fill()
        at_once(board, 2)
        assert subscriber.transport.get_write_buffer_size()
        client.take()
        at_once(board, 3)
        at_once(board, 4)
        assert await client.until(b"data: 4 ") == [b"0", *(n for n in (b"1", b"2", b"3", b"4") for _ in "it")]

    on_a_board(test)


def test_a_heartbeat_that_the_server_holds_back_is_not_overtaken(on_a_board):
    async def test(board):
        client = Sluggish(board)
        subscriber = await client.fill()
        await subscriber.write(subscriber.beat())
        assert subscriber.transport.get_write_buffer_size()
        client.take()
        at_once(board, 2)
        assert await client.until(b"data: 2 ") == [b"0", b"1", b"1", b"1", b"2", b"2"]

    on_a_board(test)


def test_who_leaves_or_is_ended_takes_the_wire_along(on_a_board):
    async def test(board):
        left, ended, cut = [await board.client() for _ in range(3)]
        await board.publish(1)
        wires = board.wires
        left.writer.close()
        await turns_until(lambda: len(board.app.registry) == 2)
        first, second = sorted(board.app.registry, key=lambda one: one.opened)
        first.end("closed")
        await asyncio.wait_for(ended.reader.readuntil(b"\r\n0\r\n\r\n"), PATIENCE)
        second.transport.abort()
        await board.publish(2)
        with contextlib.suppress(ConnectionError):  # our descriptor does not keep it open
            await asyncio.wait_for(cut.reader.read(), PATIENCE)
        await turns_until(lambda: not len(board.app.registry))
        assert [wire.fileno() for wire in wires] == [-1, -1, -1]
        assert board.wires == []

    on_a_board(test)


def test_without_a_descriptor_to_spare_the_server_writes(on_a_board, monkeypatch):
    def dup(descriptor):
        raise OSError(errno.EMFILE, "Too many open files")

    async def test(board):
        monkeypatch.setattr("os.dup", dup)
        client = await board.client()
        await board.publish(1, 2, 3)
        assert await client.until(3) == [1, 2, 3]
        assert board.wires == []

    on_a_board(test)


def test_a_new_client_needs_a_descriptor_more_than_an_old_one_a_second(on_a_board, monkeypatch):
    monkeypatch.setattr("tidewire.fanout.file_limit", lambda: 8)

    async def test(board):
        clients = [await board.client() for _ in range(2)]
        await board.publish(1)
        assert len(board.wires) == 2
        clients.append(await board.client())
        assert board.wires == []
        await board.publish(2, 3)
        for client in clients:
            await client.until(3)
        assert board.wires == []
        for client in clients[:2]:
            client.writer.close()
        await turns_until(lambda: len(board.app.registry) == 1)
        await board.publish(4)
        assert len(board.wires) == 1

    on_a_board(test)


def test_who_leaves_with_a_second_request_behind_the_stream_stops_nobody_and_is_seen(on_a_board):
    async def test(board):
        rude, connection = await board.rude()
        rude.writer.transport.abort()
        number = 0
        while board.state.connections:  # uvicorn reads no more: it is a write that tells it, and it tells nobody
            number += 1
            await board.publish(number)
        late = await board.client()
        await board.publish(number + 1, number + 2)
        assert await late.until(number + 2) == [number + 1, number + 2]
        await turns_until(lambda: len(board.app.registry) == 1)
        assert connection.reason == "left"

    on_a_board(test)


def test_who_leaves_so_is_seen_without_an_event_too(on_a_board):
    async def test(board):
        _, connection = await board.rude()
        connection.transport.abort()
        await turns_until(lambda: not board.state.connections)
        assert len(board.app.registry) == 1
        board.app.registry._sweep()
        await turns_until(lambda: len(board.app.registry) == 0)
        assert connection.reason == "left"

    on_a_board(test)


def test_nothing_goes_past_encryption():
    class Encrypted(asyncio.Transport):
        def get_write_buffer_size(self):
            return 0

    class Request:
        transport = Encrypted({"sslcontext": ssl.create_default_context()})

    assert wire_to("a member", Request()) is None
