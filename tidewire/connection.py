"""A connection: one open HTTP response that streams, what it has sent, and why it ends."""

import asyncio
import socket
import time
from typing import Any, Literal

from starlette.types import Scope, Send

from tidewire.wire import tell_of_end

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
        except (OSError, RuntimeError) as fault:
            if isinstance(fault, OSError) or tell_of_end(self.send):
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


def transport_of(send: Send) -> asyncio.Transport | None:
    """Find the socket behind uvicorn's `send`, which alone can be cut when its client has stalled."""
    return getattr(getattr(send, "__self__", None), "transport", None)
