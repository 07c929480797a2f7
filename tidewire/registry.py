"""The connections that are open: counted, kept awake, ended when asked."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any, Literal, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope, Send

from tidewire.health import figures, health
from tidewire.tally import Tally

# Proxies drop a stream that says nothing for 30 to 60 s; a client takes 20 s of silence for a dead line.
HEARTBEAT_SECONDS = 15.0
SWEEP_SECONDS = 1.0
# Linux gives up a client that has vanished (see sockets.py). Elsewhere every stream ends after this many seconds, to
# be taken up again by whoever is still there.
MAX_AGE_SECONDS = None if hasattr(socket, "TCP_USER_TIMEOUT") else 600.0

_AT_ZERO = time.time() - time.monotonic()  # unix seconds; once, or a connection would seem to have moved

Reason = Literal["done", "failed", "left", "stop", "age", "closed"]


class Connection:
    """One open HTTP response that streams.

    reason: why it ends: "done" (its generator ended), "failed" (it raised), "left" (the client did), "stop" (the
    server does), "age" (it was open for its maximum), "closed" (somebody closed it); None while it is open.
    link: the connection that carries it, if it is a subscription. carries: whether it is such a link itself.
    """

    carries = False
    __slots__ = (
        "__weakref__", "bytes", "client", "errors", "events", "last", "link", "max_age", "opened", "reason", "send",
        "stream", "task", "transport", "writing",
    )  # fmt: skip

    def __init__(self, scope: Scope, send: Send, max_age: float | None = None) -> None:
        self.stream: str = scope["path"]
        self.client: tuple[str, int] | None = scope.get("client")
        self.send = send
        self.transport = transport_of(send)
        self.link: Connection | None = getattr(getattr(send, "__self__", None), "link", None)
        self.task: asyncio.Task[Any] | None = None
        self.max_age = MAX_AGE_SECONDS if max_age is None else max_age
        self.opened = self.last = time.monotonic()
        self.events = self.bytes = self.errors = self.writing = 0
        self.reason: Reason | None = None

    @property
    def id(self) -> str:
        """Its name in this process, which no other connection has had."""
        return f"{id(self):x}-{int(self.opened * 1e6):x}"

    async def write(self, chunk: bytes, events: int = 0) -> None:
        """Send a chunk of whole events; return when the server has taken it."""
        self.writing += 1
        try:
            await self.send({"type": "http.response.body", "body": chunk, "more_body": True})
        except OSError:
            self.reason = self.reason or "left"
            raise
        finally:
            self.writing -= 1
        self.last = time.monotonic()
        self.events += events
        self.bytes += len(chunk)

    def end(self, reason: Reason) -> None:
        """End the connection soon, for this reason; the first reason given counts."""
        if self.reason is None:
            self.reason = reason
            if self.task is not None:
                self.task.cancel()

    def beat(self) -> bytes:
        """Make the heartbeat: what says nothing, and keeps the line open."""
        return b":\n\n"

    def counted(self) -> tuple[int, int]:
        """Count the events and bytes sent."""
        return self.events, self.bytes

    def quiet_since(self) -> float:
        """Tell when the last bytes were sent, in monotonic seconds."""
        return self.last

    def describe(self, now: float) -> dict[str, Any]:
        """Describe the connection for /sse-health; times in seconds, `since` in unix seconds."""
        events, size = self.counted()
        return {
            "id": self.id,
            "stream": self.stream,
            "client": self.client[0] if self.client else None,
            "link": self.carries,
            "since": round(_AT_ZERO + self.opened, 3),
            "uptime_seconds": round(now - self.opened, 3),
            "seconds_since_last_message": round(now - self.quiet_since(), 3),
            "events": events,
            "bytes": size,
            "errors": self.errors,
            "parked": self.writing > 0,
        }


class InsideStream(Protocol):
    """A request that streams from inside the app."""

    @property
    def transport(self) -> asyncio.Transport | None:
        """Its socket, where the server lets it be seen."""

    def cancel(self) -> None:
        """End it."""


class Registry:
    """All open connections of a process. One timer sends every heartbeat and ends every aged stream.

    inside: requests whose streams still run inside the app: other people's, and ours behind middleware that does
        not let them out.
    """

    def __init__(self, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self.heartbeat = heartbeat
        self.stopping = False
        self.ended = Tally()
        self.inside: set[InsideStream] = set()
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._beats: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    def add(self, connection: Connection) -> None:
        """Take in a connection that has just been opened."""
        self._open.add(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def discard(self, connection: Connection) -> None:
        """Forget a connection that has ended, but for what it adds to the figures."""
        if connection in self._open:
            self._open.remove(connection)
            self.ended.take(connection, time.monotonic())

    def find(self, name: str) -> Connection | None:
        """Find an open connection, or subscription, by its id."""
        place = name.partition("-")[0]  # compared first: to make the ids of all takes a while
        return next((one for one in self._open if f"{id(one):x}" == place and one.id == name), None)

    def stop(self) -> None:
        """End all connections in an orderly way, and let no new ones in."""
        self.stopping = True
        for connection in self:
            connection.end("stop")

    def figures(self) -> dict[str, float]:
        """Tell what the connections of this process are now, and what all of them have done so far."""
        return figures(self._open, self.ended)

    def health(self, most: int | None = None) -> dict[str, Any]:
        """Describe the open connections of this process, the newest `most` of them."""
        return health(self._open, most)

    def _sweep(self) -> None:
        # The heartbeat is a task of its own: putting a timeout around the generator instead would cancel its work.
        now = time.monotonic()
        for connection in self._open:
            if connection.max_age is not None and now - connection.opened >= connection.max_age:
                connection.end("age")
            elif now - connection.quiet_since() >= self.heartbeat and not connection.writing:
                beat = asyncio.ensure_future(_beat(connection))
                self._beats.add(beat)
                beat.add_done_callback(self._beats.discard)
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep) if self._open else None


async def _beat(connection: Connection) -> None:
    with contextlib.suppress(OSError):  # the client has just left: its receive() says so
        await connection.write(connection.beat())


async def sse_health(request: Request) -> JSONResponse:
    """Answer /sse-health: the open connections of this process, as JSON."""
    return JSONResponse(request.scope["tidewire"].registry.health(), headers={"Cache-Control": "no-store"})


def transport_of(send: Send) -> asyncio.Transport | None:
    """Find the socket behind uvicorn's `send`, which alone can be cut when its client has stalled."""
    return getattr(getattr(send, "__self__", None), "transport", None)


def socket_of(transport: asyncio.BaseTransport | None) -> Any:
    """Find the socket of a transport; None where there is none."""
    return transport.get_extra_info("socket") if transport is not None else None
