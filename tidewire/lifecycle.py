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
import socket
import sys
import threading
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidewire.errors import StartupError
from tidewire.registry import Registry

log = logging.getLogger("tidewire")

TEND_SECONDS = 0.2
FOREIGN_SECONDS = 0.5  # a stream that is not ours gets this long to end by itself
STALLED_SECONDS = 1.0  # a client that takes nothing gets this long to take the end of its stream
# Heartbeats (15 s) plus this is how long a client that has vanished, or stopped reading, is kept.
TCP_USER_TIMEOUT_SECONDS = 20
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
        _raise_file_limit()
        # Streams live long: what exists now is never garbage, and a rarer collection halves the tail of latencies.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
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
        _bound_silence(sock for listener in server.servers for sock in listener.sockets)
        idle: set[Any] = set()
        ticks = 0
        while True:
            await asyncio.sleep(TEND_SECONDS)
            if server.should_exit:
                self.stop()
            ticks += 1
            if ticks * TEND_SECONDS >= IDLE_SOCKET_SECONDS:
                ticks = 0
                without_request = {c for c in server.server_state.connections if getattr(c, "cycle", c) is None}
                for connection in idle & without_request:
                    connection.transport.close()
                idle = without_request


def _raise_file_limit() -> None:
    """Let the process open as many sockets as the system allows: a stream is one, and the usual limit is 1,024."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # macOS refuses "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _bound_silence(listening: Iterable[socket.socket]) -> None:
    """Have the kernel give up clients that acknowledge or read nothing; accepted sockets inherit the option."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return
    for listener in listening:
        with contextlib.suppress(OSError), listener_copy(listener) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, option, TCP_USER_TIMEOUT_SECONDS * 1000)


def listener_copy(listener: socket.socket) -> socket.socket:
    """Open a socket's descriptor once more: uvloop hands out sockets without setsockopt."""
    return socket.fromfd(listener.fileno(), listener.family, listener.type)
