"""A proxy that does to a server what networks do: it cuts, refuses, answers for it, or swallows without a word."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

from servers import free_port

REASONS = {
    204: "No Content",
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class Proxy:
    """A way to a server, from a port of its own. It runs in a thread, while the block lasts."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.opened = 0  # connections on which clients have asked for something: browsers make some to spare
        self.loop = asyncio.new_event_loop()
        self._answer: bytes | None = None
        self._swallows = False
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._do(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._do(self._leave)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self, *, reset: bool = False) -> None:
        """End all connections that are open, with FIN or with RST; new ones get through."""

        async def end() -> None:
            for client in tuple(self._clients):
                if reset:
                    sock = client.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.transport.abort()
                else:
                    client.close()

        self._do(end)

    def refuse(self) -> None:
        """End all connections, and let nobody in."""

        async def close() -> None:
            if self._server is not None:
                self._server.close()
            self._server = None

        self._do(close)
        self.cut(reset=True)

    def answer(self, status: int, **headers: str) -> None:
        """Answer every request with this status, for a server that is not asked; what is open is cut."""
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self._answer = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: 0\r\nConnection: close\r\n{head}\r\n".encode()
        )
        self.cut()

    def swallow(self) -> None:
        """Keep all connections, take new ones, and pass on nothing."""
        self._swallows = True

    def heal(self) -> None:
        """Be a good way again: to new connections, those that lost bytes never work again."""
        self._answer, self._swallows = None, False
        if self._server is None:
            self._do(self._listen)

    def _do(self, act: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(act(), self.loop).result(5)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _leave(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._clients.add(client)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if self._answer is not None:
                await reader.readuntil(b"\r\n\r\n")
                self.opened += 1
                client.write(self._answer)
                await client.drain()
            else:
                asked = await reader.read(65536)
                self.opened += bool(asked)
                back, server = await asyncio.open_connection("127.0.0.1", self.target)
                server.write(b"" if self._swallows else asked)
                lost = [self._swallows]
                there = asyncio.ensure_future(self._pump(reader, server, lost))
                await self._pump(back, client, lost)
                there.cancel()
                server.close()
        client.close()
        self._clients.discard(client)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: list[bool]) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                lost[0] = lost[0] or self._swallows
                if not lost[0]:
                    writer.write(chunk)
                    await writer.drain()
        writer.close()
