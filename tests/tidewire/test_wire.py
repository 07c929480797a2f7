"""Wires, on real sockets: what the server writes and what goes past it is one stream, whatever its client does."""

import asyncio
import contextlib
import errno
import os
import re
import socket
import ssl
import sys
from functools import partial

import pytest
from hubs import PATIENCE, Post, flushed, opened, turns_until
from starlette.applications import Starlette
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tidewire import Tidewire, sse_message, stream_routes, topic
from tidewire.journal.memory import MemoryJournal
from tidewire.layer import Exchange
from tidewire.wire import OneWrite, wire_to

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere there are none")


@topic("feed", Post, snapshot=lambda context: "", event="post")
async def feed(posts):
    async for post in posts:
        yield sse_message(f"{post.data.n} {post.data.text}", event="post", id=post.id)


class Board:
    """A topic behind uvicorn's own protocol."""

    def __init__(self, hub):
        self.hub = hub
        app = Starlette(routes=stream_routes([feed]))
        app.state.hub = hub
        self.app = Tidewire(app)
        self.state = ServerState()
        self.clients = []

    async def __aenter__(self):
        config = Config(self.app, log_level="error", lifespan="off")
        config.load()
        protocol = partial(HttpToolsProtocol, config=config, server_state=self.state, app_state={})
        self.server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        for client in self.clients:
            client.writer.close()
        await turns_until(lambda: not self.state.connections and not self.state.tasks)
        self.server.close()

    async def client(self):
        before = set(self.app.registry)
        client = Client(*await asyncio.open_connection(*self.server.sockets[0].getsockname(), limit=2**14))
        self.clients.append(client)
        client.writer.write(b"GET /sse/feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await asyncio.wait_for(client.reader.readuntil(b": open\nretry: "), PATIENCE)
        await turns_until(lambda: set(self.app.registry) - before)
        return client

    async def publish(self, *numbers, text=""):
        for number in numbers:
            await self.hub.publish("feed", Post(n=number, text=text))
        await flushed(self.hub)

    @property
    def wires(self):
        return [wire for group in self.hub.fanout._groups.values() for wire in group.wires.values()]


class Client:
    """One that reads when it is asked to."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.read = b""

    async def until(self, last):
        """The numbers it has been sent, once it has been sent this one."""
        async with asyncio.timeout(PATIENCE):
            while f"data: {last} ".encode() not in self.read:
                chunk = await self.reader.read(65536)
                assert chunk, f"the stream ended: {self.read[-200:]!r}"
                self.read += chunk
        return self.numbers

    @property
    def numbers(self):
        return [int(number) for number in re.findall(rb"^data: (\d+) ", self.read, re.MULTILINE)]


def loops():
    yield pytest.param(asyncio.new_event_loop, id="asyncio")
    if sys.platform != "win32":
        import uvloop

        yield pytest.param(uvloop.new_event_loop, id="uvloop")


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


class Sluggish:
    """One whose socket is full: it takes what there is only when it is told to, while the loop stands still."""

    def __init__(self, board):
        self.board = board
        self.sock = socket.create_connection(board.server.sockets[0].getsockname())
        self.sock.sendall(b"GET /sse/feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.sock.setblocking(False)
        self.read = b""

    async def fill(self):
        await turns_until(lambda: len(self.board.app.registry))
        await self.board.publish(1)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.board.wires[0].send(b"\n" * 65536)
        [subscriber] = self.board.app.registry
        return subscriber

    def take(self):
        with contextlib.suppress(BlockingIOError):
            while chunk := self.sock.recv(2**20):
                self.read += chunk

    async def until(self, mark):
        await turns_until(lambda: self.take() or mark in self.read)
        self.sock.close()
        return re.findall(rb"^(?:id: \w+-|data: )(\d+)", self.read, re.MULTILINE)


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
        rude = await board.client()
        [connection], [protocol] = board.app.registry, board.state.connections
        rude.writer.write(b"GET /sse/feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await turns_until(lambda: protocol.pipeline)
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
        rude = await board.client()
        [connection], [protocol] = board.app.registry, board.state.connections
        rude.writer.write(b"GET /sse/feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await turns_until(lambda: protocol.pipeline)
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


class Request:
    """What is known of uvicorn's."""

    def __init__(self):
        self.written = []
        self.transport = self

    def write(self, chunk):
        self.written.append(chunk)

    def close(self):
        self.written.append("closed")

    async def send(self, chunk):
        self.transport.write(chunk)


Request.__module__ = HttpToolsProtocol.__module__


async def test_what_is_sent_together_is_written_together_whatever_happens():
    request = Request()
    with OneWrite(request.send):
        await request.send(b"head, ")
        await request.send(b"opening")
        assert request.written == []
    with OneWrite(request.send):
        pass
    with contextlib.suppress(ZeroDivisionError), OneWrite(request.send):
        await request.send(b"head")
        assert 1 / 0
    await request.send(b"more")
    assert request.written == [b"head, opening", b"head", b"more"]


async def test_what_is_sent_comes_before_the_end_of_its_transport():
    request = Request()
    with OneWrite(request.send):
        await request.send(b"head, ")
        await request.send(b"all of it")
        request.transport.close()
    assert request.written == [b"head, all of it", "closed"]


async def test_a_head_does_not_wait_for_what_middleware_holds_back():
    request = Request()
    later = asyncio.Event()

    async def sending():
        await request.send(b"head")
        await later.wait()
        await request.send(b"opening")

    opened = asyncio.ensure_future(Exchange(Tidewire(None), request.send).in_one_write(sending()))
    await turns_until(lambda: request.written)
    assert request.written == [b"head"]
    assert request.transport is request
    later.set()
    await opened
    assert request.written == [b"head", b"opening"]
