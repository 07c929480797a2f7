"""Many clients in one process: readers that come back by id, and writers that ask again."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from durability.processes import Server


class Line:
    """A keep-alive connection: it stays with one worker."""

    def __init__(self, server: Server, receive_buffer: int = 0) -> None:
        self.server, self.buffer = server, receive_buffer
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def connect(self) -> "Line":
        """Connect, however long it takes the server to come."""
        while True:
            sock = socket.socket()
            sock.setblocking(False)
            if self.buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
            try:
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.server.port))
            except OSError:
                sock.close()
                await pause(0.02)
                continue
            self.reader, self.writer = await asyncio.open_connection(sock=sock, limit=2**16)
            return self

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask; connect first where there is no connection, and again where it breaks."""
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        while True:
            try:
                if self.writer is None:
                    await self.connect()
                assert self.reader
                assert self.writer
                self.writer.write(head.encode() + data)
                answer = await self.reader.readuntil(b"\r\n\r\n")
                length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                text = await self.reader.readexactly(length)
                if answer.startswith(b"HTTP/1.1 200"):
                    return json.loads(text)
            except (OSError, EOFError, asyncio.IncompleteReadError):
                pass
            self.close()
            await pause(0.02)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None


class Reader:
    """A subscriber that comes back with the last id it has seen, for as long as it lives."""

    def __init__(self, server: Server, after: str = "", receive_buffer: int = 0) -> None:
        self.line = Line(server, receive_buffer)
        self.id = after
        self.ids: list[int] = []
        self.numbers: list[int] = []
        self.arrivals: list[float] = []  # unix seconds
        self.resets = 0
        self.connections = 0
        self.pid = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self.joined = asyncio.Event()
        self._news = asyncio.Event()

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
                await self._follow()
            self.line.close()
            await pause(0.02)

    async def _follow(self) -> None:
        self.pid = (await self.line.ask("GET", "/about"))["pid"]
        assert self.line.reader
        assert self.line.writer
        self.connections += 1
        self.line.writer.write(
            f"GET /sse/posts HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {self.id}\r\n\r\n".encode()
        )
        reader, text = self.line.reader, b""
        await reader.readuntil(b"\r\n\r\n")
        while size := int(await reader.readuntil(b"\r\n"), 16):
            text += (await reader.readexactly(size + 2))[:-2]
            self.joined.set()
            *events, text = text.split(b"\n\n")
            self._take(events)
            await self.reading.wait()
        raise EOFError

    def _take(self, events: list[bytes]) -> None:
        now = time.time()
        for event in events:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if line[:1] != b":")
            data = fields.get(b"data")
            if b"id" in fields:
                self.id = fields[b"id"].decode()
            if data is not None and b"reset" in data:
                self.resets += 1
            elif data is not None:
                self.ids.append(int(self.id.rpartition("-")[2]))
                self.numbers.append(int(data.partition(b" ")[0]))
                self.arrivals.append(now)
        self._news.set()

    async def until(self, count: int) -> None:
        while len(self.numbers) < count:
            self._news.clear()
            await self._news.wait()


@contextlib.asynccontextmanager
async def reading(server: Server, count: int, *, after: str | None = None) -> AsyncIterator[list[Reader]]:
    """So many readers that have joined; they are cut off at the end."""
    line = Line(server)
    after = after or (await line.ask("GET", "/about"))["cursor"]
    line.close()
    readers = [Reader(server, after) for _ in range(count)]
    tasks = [asyncio.ensure_future(reader.run()) for reader in readers]
    try:
        for reader in readers:
            await reader.joined.wait()
        yield readers
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def one_order(readers: list[Reader], numbers: Iterable[int]) -> None:
    """Every reader has these numbers, each once, all in the same order: that of the journal."""
    for reader in readers:
        assert reader.resets == 0
        assert reader.ids == sorted(set(reader.ids)), "an order without repetition"
        assert sorted(reader.numbers) == sorted(numbers)
        assert reader.numbers == readers[0].numbers


def stop_reading(sock: socket.socket, server: Server, after: str) -> None:
    """Ask for the stream, and never read it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    sock.connect(("127.0.0.1", server.port))
    sock.sendall(f"GET /sse/posts?after={after} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


async def pause(seconds: float) -> None:
    """Let others run: between attempts, and to keep a rate."""
    passed = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, passed.cancel)
    await asyncio.wait([passed])


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
