"""A topic behind uvicorn's own protocol, in the loop of the test, and clients with real sockets."""

import asyncio
import contextlib
import re
import socket
import sys
from functools import partial

import pytest
from hubs import PATIENCE, Post, flushed, turns_until
from starlette.applications import Starlette
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tidewire import Tidewire, sse_message, stream_routes, topic


@topic("feed", Post, snapshot=lambda context: "", event="post")
async def feed(posts):
    async for post in posts:
        yield sse_message(f"{post.data.n} {post.data.text}", event="post", id=post.id)


def loops():
    """Make a loop, of each kind that uvicorn knows."""
    yield pytest.param(asyncio.new_event_loop, id="asyncio")
    if sys.platform != "win32":
        import uvloop

        yield pytest.param(uvloop.new_event_loop, id="uvloop")


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

    async def rude(self):
        """A client that has sent a second request behind its stream, and its connection."""
        client = await self.client()
        [connection], [protocol] = self.app.registry, self.state.connections
        client.writer.write(b"GET /sse/feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await turns_until(lambda: protocol.pipeline)
        return client, connection

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
