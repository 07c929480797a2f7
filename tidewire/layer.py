"""Tidewire, the outermost ASGI layer: the app inside it streams at the price of the bare server.

A stream that has started owes nothing more to the middleware it came through: session, authentication and the rest
have acted on the request. So it hands itself over: it keeps the server's own `send`, and everything between returns
and is freed. What is left of an idle stream is this layer's frame. The rule that keeps this invisible: a hand-over
happens only where the very `start` and opening body of the stream have reached this layer untouched. Middleware that
makes its own response of it (BaseHTTPMiddleware), buffers or rewrites is thus found out, and its stream stays inside.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidewire.connection import transport_of
from tidewire.group import resume
from tidewire.lifecycle import Lifecycle
from tidewire.registry import Registry
from tidewire.sockets import bound_silence, socket_of
from tidewire.wire import OneWrite

log = logging.getLogger("tidewire")

Run = Callable[[Scope, Receive, Send, Registry], Awaitable[None]]


class Tidewire:
    """Wrap an ASGI app: `app = Tidewire(FastHTML(...))`.

    Streams made by EventStream are registered (see /sse-health), kept awake and, when the server is told to stop,
    ended in an orderly way; streams made by others are cancelled then.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.registry = Registry()
        self.lifecycle = Lifecycle(self.registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and afterwards the stream that it handed over."""
        if scope["type"] == "lifespan":
            return await self.lifecycle.lifespan(self.app, scope, receive, send)
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        keys = set(scope)
        exchange = scope["tidewire"] = Exchange(self, send)
        try:
            await self._serve(exchange, scope, receive, send)
        finally:
            self.registry.inside.discard(exchange)
        run = exchange.run
        if run is None:
            return None
        # The server holds the scope for as long as the connection lives: drop what the app has put into it.
        for key in set(scope) - keys:
            del scope[key]
        del exchange, keys
        return await run(scope, receive, send, self.registry)

    async def _serve(self, exchange: "Exchange", scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, exchange.send)
        except asyncio.CancelledError:
            if not exchange.cut:
                raise
            if exchange.task is not None:
                exchange.task.uncancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception:
            if exchange.run is None:
                raise
            log.exception("middleware failed behind the stream %s, which goes on", scope["path"])


class Exchange:
    """What this layer knows of one request: what has reached it, and who takes over."""

    __slots__ = ("_opening", "_send", "_start", "cut", "layer", "registry", "run", "task")

    def __init__(self, layer: Tidewire, send: Send) -> None:
        self.layer = layer
        self.registry = layer.registry
        self.run: Run | None = None
        self.task = asyncio.current_task()
        self.cut = False
        self._send = send
        self._start: Message | None = None
        self._opening: Message | None = None

    @property
    def transport(self) -> asyncio.Transport | None:
        """The socket of this request, where the server lets it be seen."""
        return transport_of(self._send)

    async def send(self, message: Message) -> None:
        """Pass on what the app sends, until a stream has taken over: then middleware has nothing more to say."""
        if self.run is not None:
            return
        if message["type"] == "http.response.start":
            self._start = message
            if b"text/event-stream" in dict(message.get("headers", ())).get(b"content-type", b""):
                self.registry.inside.add(self)
                bound_silence(socket_of(self.transport))
        elif self._opening is None:
            self._opening = message
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.registry.inside.discard(self)  # it may go on with work of its own, which a stop waits for

    async def in_one_write(self, sending: Coroutine[Any, Any, None]) -> None:
        """Await what sends; all that reaches the server in its first step leaves in one write."""
        with OneWrite(self._send):
            try:
                waits_for = sending.send(None)
            except StopIteration:
                return
        await resume(sending, waits_for)

    def hand_over(self, start: Message, opening: Message, run: Run) -> bool:
        """Let `run` have the connection once the app has returned; refuse where middleware has touched it."""
        if self._start is not start or self._opening is not opening:
            return False
        self.run = run
        return True

    def cancel(self) -> None:
        """End a stream that does not end by itself."""
        if self.task is not None:
            self.cut = True
            self.task.cancel()
