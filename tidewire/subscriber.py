"""Subscribers: connections that listen to topics, each up to date or behind with a cursor."""

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

from starlette.types import Message as Asgi
from starlette.types import Scope, Send

from tidewire.catchup import RESET_SECONDS, catch_up
from tidewire.connection import Connection
from tidewire.group import Group, resume
from tidewire.hub import Hub


class Subscriber(Connection):
    """A connection that listens to topics.

    It is up to date, a member of a `group` that owns nothing, or behind: `catching_up`, and it has been sent everything
    up to `cursor`. fault: what it could not catch up for.
    """

    __slots__ = (
        "_base_bytes", "_base_events", "catching_up", "cursor", "fault", "form", "group", "hub", "reset_at", "topics",
    )  # fmt: skip

    def __init__(self, scope: Scope, send: Send, hub: Hub, topics: frozenset[str], form: str, cursor: int) -> None:
        super().__init__(scope, send)
        if self.transport is None:
            self.send = _in_a_task(send)
        self.hub = hub
        self.topics = topics
        self.form = form
        self.cursor = cursor
        self.reset_at = -RESET_SECONDS
        self.group: Group | None = None
        self.catching_up: asyncio.Task[None] | None = None
        self.fault: Exception | None = None
        self._base_events = self._base_bytes = 0

    def begin(self) -> None:
        """Join at once where nothing is missing, else catch up first."""
        if self.cursor == self.hub.flushed:
            self.join()
        else:
            self.catching_up = asyncio.ensure_future(self._rejoin())

    def close(self) -> None:
        """Leave, and end what goes on."""
        self.leave()
        if self.catching_up is not None:
            self.catching_up.cancel()

    def end(self, reason: Any) -> None:
        """End the connection soon, for this reason."""
        super().end(reason)
        if self.catching_up is not None:
            self.catching_up.cancel()

    # -- Up to date: a member of a group

    def join(self) -> None:
        """Become up to date: nothing is missing up to the last flush, and the next one will have the rest."""
        self.group = group = self.hub.fanout.join(self, self.topics, self.form)
        self.topics = group.key[0]  # one set for all of them
        self._base_events, self._base_bytes = group.events, group.bytes

    def leave(self) -> None:
        """Leave the group, and take along what was counted there."""
        if self.group is not None:
            self.hub.fanout.leave(self, self.group)
            self.events, self.bytes = self.counted()
            self.last = max(self.last, self.group.last)
            self.group = None

    def counted(self) -> tuple[int, int]:
        """Count the events and bytes sent."""
        if self.group is None:
            return self.events, self.bytes
        return (
            self.events + self.group.events - self._base_events,
            self.bytes + self.group.bytes - self._base_bytes,
        )

    def beat(self) -> bytes:
        """Move the client's cursor, so that it does not age while its topics are quiet."""
        return super().beat() if self.group is None else f"id: {self.hub.id_of(self.hub.flushed)}\n\n".encode()

    def quiet_since(self) -> float:
        """Tell when the last bytes were sent, in monotonic seconds."""
        return self.last if self.group is None else max(self.last, self.group.last)

    def describe(self, now: float) -> dict[str, Any]:
        """Describe the connection, and how many events it is behind."""
        behind = 0 if self.group is not None else max(0, self.hub.flushed - max(0, self.cursor))
        return super().describe(now) | {"topics": sorted(self.topics), "behind": behind}

    async def write(self, chunk: bytes, events: int = 0) -> None:
        """Send a chunk of whole events; return when the server, or a task of its own, has taken it."""
        if self.group is None:
            return await super().write(chunk, events)
        # Stepped like a flush, and parked like one: a heartbeat that waited here could come after a newer event, and
        # set the client's cursor back.
        self.group.unwire(self)
        sending: Any = self.send({"type": "http.response.body", "body": chunk, "more_body": True})
        try:
            waits_for = sending.send(None)
        except StopIteration:
            self.last = time.monotonic()
            self.events += events
            self.bytes += len(chunk)
        except OSError:
            self.fail()
        else:
            self.park(sending, waits_for, self.hub.flushed)

    # -- Behind: a cursor

    def fall_behind(self, cursor: int) -> None:
        """Leave the group, and catch up from `cursor`."""
        self.leave()
        self.cursor = cursor
        if self.reason is None:
            self.catching_up = asyncio.ensure_future(self._rejoin())

    def park(self, sending: Coroutine[Any, Any, None], waits_for: Any, cursor: int) -> None:
        """Take over a `send` that waits for this slow client, and catch up from `cursor` when it is done."""
        self.leave()
        self.cursor = cursor
        if self.reason is not None:  # it is about to be closed: what comes after its end would be an error
            return sending.close()
        if self.transport is not None:
            self.hub.counts["parked"] += 1
        self.catching_up = asyncio.ensure_future(self._rejoin(resume(sending, waits_for)))

    def fail(self) -> None:
        """End: a `send` raised, so nobody is there."""
        self.leave()
        self.reason = self.reason or "left"
        if self.task is not None:
            self.task.cancel()

    async def _rejoin(self, parked: Awaitable[None] | None = None) -> None:
        try:
            if parked is not None:
                self.writing += 1
                try:
                    await parked
                finally:
                    self.writing -= 1
            await catch_up(self)
        except OSError:
            self.fail()
        except Exception as fault:
            self.fault = fault
            if self.task is not None:
                self.task.cancel()
        else:
            self.join()
        self.catching_up = None


def _in_a_task(send: Send) -> Send:
    """Make a `send` that is not the server's own wait for a task: it may not be stepped by hand."""

    async def patient(message: Asgi) -> None:
        await asyncio.sleep(0)
        await send(message)

    return patient
