"""Start and stop: what a server with endless streams needs, done at lifespan start-up, whatever starts it.

uvicorn waits for open streams when it is told to stop, and runs the lifespan's shutdown only after them; so a stop has
to reach the streams first. The race is in the order: this module's signal handler is set in start-up, after the
server's own, and calls it when it has told the streams.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidewire.errors import StartupError
from tidewire.registry import Registry
from tidewire.sockets import bound_silence, raise_file_limit

log = logging.getLogger("tidewire")

TEND_SECONDS = 0.2
FOREIGN_SECONDS = 0.5  # a stream that is not ours gets this long to end by itself
STALLED_SECONDS = 1.0  # a client that takes nothing gets this long to take the end of its stream
IDLE_SOCKET_SECONDS = 30  # a socket that has not sent a whole request head by then is closed


class Lifecycle:
    """The start and the stop of one process's streams."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._server: Any = None
        self._tending: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._chained: dict[signal.Signals, tuple[Any, Any]] = {}

    async def lifespan(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app's lifespan, with the start and the stop of the streams around it."""
        fault: list[StartupError] = []

        async def watched(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._start()
            elif message["type"] == "lifespan.startup.failed" and isinstance(sys.exception(), StartupError):
                fault.append(sys.exception())  # type: ignore[arg-type]
                message = {**message, "message": str(fault[0])}
            elif message["type"] == "lifespan.shutdown.complete":
                self._finish()
            await send(message)

        try:
            await app(scope, receive, watched)
        except StartupError:
            if not fault:
                raise

    def _start(self) -> None:
        self.registry.stopping = False
        raise_file_limit()
        # Streams live long: what exists now is never garbage, and a rarer collection halves the tail of latencies. Not
        # rarer than this: requests leave cycles behind, and with their bodies those soon are more than the window.
        gc.collect()
        gc.freeze()
        gc.set_threshold(5_000, 100, 50)
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            self._server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
            for number in (signal.SIGINT, signal.SIGTERM):
                self._chain(number, loop)
        self._tending = loop.create_task(self._tend())

    def _chain(self, number: signal.Signals, loop: asyncio.AbstractEventLoop) -> None:
        previous = signal.getsignal(number)
        if not callable(previous):  # SIG_DFL ends the process at once, and asks nobody
            return

        def handler(received: int, frame: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is left to tell
                loop.call_soon_threadsafe(self.stop)
            previous(received, frame)

        signal.signal(number, handler)
        self._chained[number] = (handler, previous)

    def _finish(self) -> None:
        self.stop()
        if self._tending is not None:
            self._tending.cancel()
        for number, (handler, previous) in self._chained.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, previous)
        self._chained.clear()

    def stop(self) -> None:
        """End all streams: ours in an orderly way, others by cancelling them, stalled ones by cutting them."""
        if not self.registry.stopping:
            # Before they are told: one that ends at once is forgotten at once, and its last bytes may be stuck.
            sockets = {c.transport for c in self.registry} | {s.transport for s in self.registry.inside}
            self.registry.stop()
            self._stopping = asyncio.get_running_loop().create_task(self._end_the_rest(sockets))

    async def _end_the_rest(self, sockets: set[asyncio.Transport | None]) -> None:
        await asyncio.sleep(FOREIGN_SECONDS)
        while True:
            for stream in tuple(self.registry.inside):
                stream.cancel()
            await asyncio.sleep(STALLED_SECONDS - FOREIGN_SECONDS)
            # Also those whose stream has ended: the server waits until its last bytes are out.
            for transport in sockets | {s.transport for s in self.registry.inside}:
                if transport is not None:
                    transport.abort()

    async def _tend(self) -> None:
        """Look after what only uvicorn's server object shows: its sockets, and a stop that came without a signal."""
        server = self._server
        if not hasattr(server, "server_state"):
            return
        while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag, and tells nobody
            await asyncio.sleep(TEND_SECONDS)
        for listener in server.servers:
            for sock in listener.sockets:
                bound_silence(sock)
        idle: set[tuple[Any, int]] = set()
        ticks = 0
        while True:
            await asyncio.sleep(TEND_SECONDS)
            if server.should_exit:
                self.stop()
            ticks += 1
            if ticks * TEND_SECONDS >= IDLE_SOCKET_SECONDS:
                ticks = 0
                still_idle = set(_without_request(server.server_state.connections))
                for connection, _ in idle & still_idle:
                    connection.transport.close()
                idle = still_idle


def _without_request(connections: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    """List the connections that have no request under way, each with what tells its last request from the next."""
    for connection in connections:
        cycle = getattr(connection, "cycle", connection)
        if cycle is None or getattr(cycle, "response_complete", False):
            yield connection, id(cycle)
