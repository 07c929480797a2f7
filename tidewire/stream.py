"""Streams: the responses that do not end by themselves, from the opening comment to an orderly end."""

import asyncio
import logging
import random
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from tidewire.connection import Connection
from tidewire.events import comment, sse_message
from tidewire.registry import Registry

log = logging.getLogger("tidewire")

# Milliseconds a browser waits before it comes back. A range, because the tabs of a server that stops all leave in
# the same instant and must not all return in one.
RETRY = (500, 2500)
RETRY_AFTER_FAILURE = (10_000, 20_000)
HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx sends it on as it comes
)
# What a browser keeps to as well: one whose stream was closed stays away. A timer of JavaScript waits no longer.
NEVER = 2**31 - 1
FAREWELL_SECONDS = 5.0  # for a client that has stopped reading to take the end of its stream


class Stream(Response, ABC):
    """An endless `text/event-stream` response, from its opening comment to an orderly end.

    What it says is in `speak`; `discard` lets go of what it holds, and is called however the stream ends, also when
    it never began.
    """

    media_type = "text/event-stream"
    close = ""  # the event that a client is told before the server ends the stream, if any

    def __init__(self, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status_code
        self.background = None
        self.raw_headers = [*HEADERS]
        if headers:
            self.headers.update(headers)

    def opening(self) -> str:
        """Write the first words, which are sent at once."""
        return comment("open", retry=random.randint(*RETRY))  # noqa: S311

    def connect(self, scope: Scope, send: Send) -> Connection:
        """Make the connection that the registry knows."""
        return Connection(scope, send)

    @abstractmethod
    async def speak(self, connection: Any, receive: Receive) -> None:
        """Say all there is to say; cancelled when the client leaves or the connection is to end."""

    async def discard(self) -> None:
        """Let go of what the stream holds."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the stream, then hand it to the outermost layer, or run it here where there is none."""
        exchange = scope.get("tidewire")
        if exchange is not None and exchange.registry.stopping:
            await self.discard()
            busy = JSONResponse({"error": "the server is stopping"}, 503, {"Retry-After": "1"})
            return await busy(scope, receive, send)
        start: Message = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        body = self.opening().encode()
        opening: Message = {"type": "http.response.body", "body": body, "more_body": scope["method"] != "HEAD"}
        try:
            opened = _send_both(send, start, opening)
            await (exchange.in_one_write(opened) if exchange is not None else opened)
        except BaseException:
            await self.discard()
            raise
        if scope["method"] == "HEAD":
            return await self.discard()
        untouched = opening["body"] is body  # middleware that rewrites bodies may do so in this very dict
        if exchange is not None and untouched and exchange.hand_over(start, opening, self.run):
            return None
        registry = exchange.registry if exchange is not None else Registry()
        return await self.run(scope, receive, send, registry)

    async def run(self, scope: Scope, receive: Receive, send: Send, registry: Registry) -> None:
        """Stream until there is no more to say, or the client, the server or the clock ends it."""
        connection = self.connect(scope, send)
        connection.task = asyncio.current_task()
        registry.add(connection)
        registry.ended.reconnects += b"last-event-id" in dict(scope["headers"])
        # One coroutine for all of it: each one that waits costs an idle stream half a KiB.
        try:
            try:
                await self.speak(connection, receive)
                connection.reason = connection.reason or "done"
            except Exception:
                if connection.reason != "left":
                    await self._tell_failure(connection)
        except asyncio.CancelledError:
            if connection.reason is None:  # not our doing: the server cancels its request
                raise
            if connection.task is not None:
                connection.task.uncancel()
        finally:
            connection.task = None  # from here on nobody cancels: what follows has to run
            try:
                await self._close(connection)
            finally:
                registry.discard(connection)

    async def _tell_failure(self, connection: Connection) -> None:
        reference = secrets.token_hex(4)
        log.exception("stream %s failed, reference %s", connection.stream, reference)
        connection.errors += 1
        connection.reason = "failed"
        failure = sse_message(reference, event="stream-error", retry=random.randint(*RETRY_AFTER_FAILURE))  # noqa: S311
        await connection.write(failure.encode(), 1)

    async def _close(self, connection: Connection) -> None:
        """Let go of what is held, then end the response, unless nobody is there to read it."""
        try:
            await self.discard()
        except Exception:
            log.exception("stream %s failed while it was closed", connection.stream)
        if connection.reason in (None, "left"):
            return
        farewell = sse_message(connection.reason, event=self.close) if self.close else ""
        if connection.reason in ("stop", "age"):
            farewell += comment(connection.reason, retry=random.randint(*RETRY))  # noqa: S311
        elif connection.reason == "closed":
            farewell += comment(connection.reason, retry=NEVER)
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await connection.send({"type": "http.response.body", "body": farewell.encode(), "more_body": False})
        except TimeoutError:
            if connection.transport is not None:
                connection.transport.abort()
        except OSError:
            pass


async def _send_both(send: Send, start: Message, opening: Message) -> None:
    await send(start)
    await send(opening)
