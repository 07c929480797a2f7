"""Links: mux connections, which write what all their subscriptions say in a turn of the loop in one go.

On the wire a link is a stream of comments, so that proxies and people see server-sent events:

    :7,8 120          the next 120 bytes are of the streams 7 and 8
    :7 {"status":200} the answer to 7: its status, and with it `type` and `retry` (Content-Type and Retry-After)
    :7 {"end":true}   7 has ended; whoever wants it asks again

A chunk's length says where it ends, so nothing that a stream says can be taken for a frame of another.
"""

import asyncio
import json
import time
from collections.abc import Coroutine
from typing import Any

from starlette.types import Scope, Send

from tidewire.connection import Connection, Reason
from tidewire.group import resume

# Beyond this a turn is written before it is over: a generator that never waits would otherwise fill the memory.
GATHERED_BYTES = 64 * 1024


class Link(Connection):
    """A connection that carries subscriptions. It is slow while the server's `send` waits for its client."""

    carries = True
    __slots__ = ("_draining", "_frames", "_free", "_gathered", "_turn")

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(scope, send)
        self._frames: list[tuple[list[int] | None, bytes]] = []
        self._gathered = 0
        self._turn: asyncio.Handle | None = None
        self._free = asyncio.Event()
        self._free.set()
        self._draining: asyncio.Task[None] | None = None

    @property
    def slow(self) -> bool:
        """Tell whether the client has to read before more is said."""
        return not self._free.is_set()

    async def free(self) -> None:
        """Wait until the client has read, or the link has ended."""
        await self._free.wait()

    def put(self, number: int, chunk: bytes) -> None:
        """Pass on what a stream says; the same chunk for many subscriptions goes over the wire once."""
        last = self._frames[-1] if self._frames else None
        if last is not None and last[1] is chunk and last[0] is not None:
            last[0].append(number)
        else:
            self._gather([number], chunk)

    def say(self, number: int, **what: Any) -> None:
        """Tell something about a subscription."""
        told = {name: value for name, value in what.items() if value is not None}
        self._gather(None, f":{number} {json.dumps(told, separators=(',', ':'))}\n".encode())

    def _gather(self, numbers: list[int] | None, chunk: bytes) -> None:
        if self.reason is not None:
            return
        self._frames.append((numbers, chunk))
        self._gathered += len(chunk)
        if self._gathered >= GATHERED_BYTES:
            self._flush()
        elif self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if not self._frames or self.slow or self.reason is not None:
            return
        self.events += len(self._frames)
        body = b"".join(
            chunk if numbers is None else b":%b %d\n%b" % (",".join(map(str, numbers)).encode(), len(chunk), chunk)
            for numbers, chunk in self._frames
        )
        self._frames.clear()
        self._gathered = 0
        self.bytes += len(body)
        self.last = time.monotonic()
        sending: Any = self.send({"type": "http.response.body", "body": body, "more_body": True})
        if self.transport is None:  # not the server's own send: it may not be stepped by hand
            return self._wait_for(sending)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except Exception:  # nobody is there
            self.end("left")
        else:
            self._wait_for(resume(sending, waits_for))

    def _wait_for(self, sending: Coroutine[Any, Any, None]) -> None:
        self._free.clear()
        self._draining = asyncio.ensure_future(self._drain(sending))

    async def _drain(self, sending: Any) -> None:
        self.writing += 1
        try:
            await sending
        except OSError:
            self.end("left")
        finally:
            self.writing -= 1
            self._free.set()
        self._flush()

    def end(self, reason: Reason) -> None:
        """End the link soon."""
        super().end(reason)
        self.release()

    def release(self) -> None:
        """Drop what waits for the client: it waits no more."""
        if self._draining is not None:
            self._draining.cancel()
        self._free.set()
