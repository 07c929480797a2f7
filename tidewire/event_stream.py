"""Event streams: the responses that stream one generator to one client."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from starlette.types import Receive, Scope, Send

from tidewire.connection import Connection
from tidewire.errors import BadStream
from tidewire.stream import Stream


class EventStream(Stream):
    """Stream the messages of an async generator to one client.

    generator: an async generator that yields `sse_message(...)`; str or bytes, whole messages each. Its `finally`
        runs whenever and however the connection ends; a client that leaves is noticed within 0.5 s.
    max_age: seconds after which the stream ends, to be taken up again by the browser; None for no limit
        (on systems other than Linux: 10 minutes, as nothing else there frees a client that has vanished).
    close: the name of an event, if there is to be one, that says before the end why the server ends the stream:
        done, failed, stop, age or closed.

    What the generator raises is contained: one log line with traceback and a reference, an event `stream-error`
    whose data is the reference only, an orderly end. Raises BadStream for anything but an async generator: sync
    generators share 40 threads, and their `finally` does not run when a client leaves.
    """

    def __init__(
        self,
        generator: AsyncIterator[str | bytes],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        max_age: float | None = None,
        close: str = "",
    ) -> None:
        if not isinstance(generator, AsyncGenerator):
            raise BadStream(
                f"EventStream: expected an async generator (async def with yield), got {type(generator).__name__}"
            )
        super().__init__(status_code, headers)
        self.generator = generator
        self.max_age = max_age
        self.close = close

    def connect(self, scope: Scope, send: Send) -> Connection:
        """Make the connection that the registry knows."""
        return Connection(scope, send, self.max_age)

    async def speak(self, connection: Connection, receive: Receive) -> None:
        """Send what the generator yields."""
        watcher = asyncio.ensure_future(watch(receive, connection))
        try:
            async for chunk in self.generator:
                data = chunk if isinstance(chunk, bytes) else chunk.encode("utf-8", "replace")
                await connection.write(data, 1)
                if connection.reason is not None:  # a generator that swallowed its cancellation
                    return
        finally:
            watcher.cancel()

    async def discard(self) -> None:
        """Close the generator: its `finally` runs."""
        await self.generator.aclose()


async def watch(receive: Receive, connection: Connection) -> None:
    """Wait for the client to leave."""
    while (await receive())["type"] != "http.disconnect":
        pass
    connection.end("left")
