"""The connections that are open: counted, kept awake, ended when asked."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse

from tidewire.connection import Connection
from tidewire.health import figures, health
from tidewire.tally import Tally
from tidewire.wire import tell_of_end

# Proxies drop a stream that says nothing for 30 to 60 s; a client takes 20 s of silence for a dead line.
HEARTBEAT_SECONDS = 15.0
SWEEP_SECONDS = 1.0


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
            elif tell_of_end(connection.send):
                continue
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
