"""What fanout.py measures with: an app in a process of its own, and a crowd of raw sockets that read it."""

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

APPS = Path(__file__).with_name("fanout_apps.py")
MARK = b"@"
OPEN = b"\r\n\r\n"  # the end of the head of the response


class Server:
    """One of the apps, in a process on a core of its own."""

    def __init__(self, name: str, core: int) -> None:
        self.name, self.core = name, core
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = probe.getsockname()

    def __enter__(self) -> "Server":
        command = [sys.executable, str(APPS), self.name, str(self.address[1]), str(self.core)]
        self.process = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(self.address, 1):
                return self
            time.sleep(0.05)
        raise SystemExit(f"{self.name} does not answer")

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def cpu(self) -> float:
        """CPU seconds so far, of all its threads."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    @property
    def rss(self) -> int:
        """Bytes of memory it holds."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Crowd:
    """So many raw sockets, each with a stream open."""

    def __init__(self, server: Server, count: int) -> None:
        self.server, self.count = server, count
        self.sockets: dict[int, socket.socket] = {}
        self.marks = 0
        self.poll = select.epoll()

    def __enter__(self) -> "Crowd":
        for _ in range(self.count):
            sock = socket.create_connection(self.server.address, 30)
            sock.sendall(b"GET /sse/posts HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
            self.sockets[sock.fileno()] = sock
        for sock in self.sockets.values():
            received = b""
            while OPEN not in received:
                received += (chunk := sock.recv(4096))
                if not chunk:
                    raise SystemExit(f"the stream ended: {received!r}")
            sock.setblocking(False)
            self.poll.register(sock.fileno(), select.EPOLLIN)
        self.settle()
        return self

    def __exit__(self, *_: object) -> None:
        self.poll.close()
        for sock in self.sockets.values():
            sock.close()

    def settle(self) -> None:
        """Read what is still on its way, until the server is quiet."""
        before = -1.0
        while self.server.cpu - before > 0.002:
            before = self.server.cpu
            self.read(0.1)

    def read(self, seconds: float) -> None:
        """Read what is there, waiting for it so long at most, and count the events."""
        for number, _ in self.poll.poll(seconds):
            chunk = self.sockets[number].recv(65536)
            if not chunk:
                raise SystemExit("a stream ended")
            self.marks += chunk.count(MARK)

    def publish(self, numbers: range, rate: float | None = None) -> None:
        """Publish each, and go on when all have it, or at a rate; return when all have all of them."""
        expected = self.marks
        begin = time.monotonic()
        with socket.create_connection(self.server.address, 30) as line:
            for count, number in enumerate(numbers):
                while rate is not None and (left := begin + count / rate - time.monotonic()) > 0:
                    self.read(left)
                line.sendall(
                    f"POST /publish?n={number} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    "Authorization: Bearer benchmark\r\nContent-Length: 0\r\n\r\n".encode()
                )
                expected += self.count
                if rate is None:
                    self.until(expected)
                answer = line.recv(4096)
                if not answer.startswith(b"HTTP/1.1 204"):
                    raise SystemExit(f"{self.server.name} refused: {answer[:200]!r}")
            self.until(expected)

    def until(self, expected: int) -> None:
        """Read until so many events have come."""
        deadline = time.monotonic() + 60
        while self.marks < expected:
            self.read(1)
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.server.name}: {expected - self.marks} events are missing")
