"""EventStream: the response that streams what an async generator yields, for one connection."""

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from tidewire.errors import BadStream
from tidewire.events import comment, sse_message
from tidewire.registry import Connection, Registry

log = logging.getLogger("tidewire")

# Milliseconds a browser waits before it comes back. A range, because the tabs of a server that stops all leave in
# the same instant and must not all return in one.
RETRY = (500, 2500)
RETRY_AFTER_FAILURE = (10_000, 20_000)
FAREWELL_SECONDS = 5.0  # for a client that has stopped reading to take the end of its stream


class EventStream(Response):
    """Stream the messages of an async generator to one client, from an opening comment to an orderly end.

    generator: an async generator that yields `sse_message(...)`; str or bytes, whole messages each. Its `finally`
        runs whenever and however the connection ends; a client that leaves is noticed within 0.5 s.
    max_age: seconds after which the stream ends, to be taken up again by the browser; None for no limit.

    What the generator raises is contained: one log line with traceback and a reference, an event `stream-error`
    whose data is the reference only, an orderly end. Raises BadStream for anything but an async generator: sync
    generators share 40 threads, and their `finally` does not run when a client leaves.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        generator: AsyncIterator[str | bytes],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        max_age: float | None = None,
    ) -> None:
        if not isinstance(generator, AsyncGenerator):
            raise BadStream(
                f"EventStream: expected an async generator (async def with yield), got {type(generator).__name__}"
            )
        self.generator = generator
        self.status_code = status_code
        self.background = None
        self.max_age = max_age
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the stream, then hand it to the outermost layer, or run it here where there is none."""
        exchange = scope.get("tidewire")
        if exchange is not None and exchange.registry.stopping:
            await self.generator.aclose()
            busy = JSONResponse({"error": "the server is stopping"}, 503, {"Retry-After": "1"})
            return await busy(scope, receive, send)
        start: Message = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        opening: Message = {
            "type": "http.response.body",
            "body": comment("open", retry=random.randint(*RETRY)).encode(),  # noqa: S311
            "more_body": scope["method"] != "HEAD",
        }
        try:
            await send(start)
            await send(opening)
        except BaseException:
            await self.generator.aclose()
            raise
        if scope["method"] == "HEAD":
            return await self.generator.aclose()
        if exchange is not None and exchange.hand_over(start, opening, self.run):
            return None
        registry = exchange.registry if exchange is not None else Registry()
        return await self.run(scope, receive, send, registry)

    async def run(self, scope: Scope, receive: Receive, send: Send, registry: Registry) -> None:
        """Stream until the generator, the client, the server or the clock ends it."""
        connection = Connection(scope, send, self.max_age)
        connection.task = asyncio.current_task()
        registry.add(connection)
        watcher = asyncio.ensure_future(_watch(receive, connection))
        try:
            await self._pump(connection)
        except asyncio.CancelledError:
            if connection.reason is None:  # not our doing: the server cancels its request
                raise
            if connection.task is not None:
                connection.task.uncancel()
        finally:
            connection.task = None  # from here on nobody cancels: what follows has to run
            watcher.cancel()
            try:
                await self._close(connection)
            finally:
                registry.discard(connection)

    async def _pump(self, connection: Connection) -> None:
        try:
            async for chunk in self.generator:
                data = chunk if isinstance(chunk, bytes) else chunk.encode("utf-8", "replace")
                await connection.write(data, 1)
                if connection.reason is not None:  # a generator that swallowed its cancellation
                    return
            connection.reason = connection.reason or "done"
        except Exception:
            if connection.reason == "left":
                return
            reference = secrets.token_hex(4)
            log.exception("stream %s failed, reference %s", connection.stream, reference)
            connection.errors += 1
            connection.reason = "failed"
            failure = sse_message(reference, event="stream-error", retry=random.randint(*RETRY_AFTER_FAILURE))  # noqa: S311
            await connection.write(failure.encode(), 1)

    async def _close(self, connection: Connection) -> None:
        """Run the generator's `finally`, then end the response, unless nobody is there to read it."""
        try:
            await self.generator.aclose()
        except Exception:
            log.exception("stream %s failed while it was closed", connection.stream)
        if connection.reason in (None, "left"):
            return
        farewell = b""
        if connection.reason in ("stop", "age"):
            farewell = comment(connection.reason, retry=random.randint(*RETRY)).encode()  # noqa: S311
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await connection.send({"type": "http.response.body", "body": farewell, "more_body": False})
        except TimeoutError:
            if connection.transport is not None:
                connection.transport.abort()
        except OSError:
            pass


async def _watch(receive: Receive, connection: Connection) -> None:
    """Wait for the client to leave."""
    while (await receive())["type"] != "http.disconnect":
        pass
    connection.end("left")
