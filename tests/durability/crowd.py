"""Many clients in one process: readers that come back by id, writers that ask again, and the server between them."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Server:
    """The app of app.py in processes of its own."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self.database = folder / "posts.db"
        self.workers = workers
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "durability.app:app", "--port", str(self.port), "--no-access-log"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command + (["--workers", str(self.workers)] if self.workers > 1 else []),
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "DURABILITY_DATABASE": str(self.database)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def rows(self, sql: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            return db.execute(sql).fetchall()

    @property
    def rss(self) -> int:
        assert self.process is not None
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * resource.getpagesize()


@contextlib.contextmanager
def serving(folder: Path, workers: int = 1) -> Iterator[Server]:
    server = Server(folder, workers)
    try:
        server.start()
        yield server
        errors = [line for line in server.log.read_text().splitlines() if "Traceback" in line or "ERROR" in line]
        assert not errors, server.log.read_text()[-3000:]
    finally:
        server.kill()


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
