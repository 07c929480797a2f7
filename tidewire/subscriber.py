"""Topic streams: subscribers of the hub, each up to date or behind with a cursor."""

import asyncio
import logging
import time
import types
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from tidewire.errors import JournalUnavailable
from tidewire.fanout import Group
from tidewire.registry import Connection
from tidewire.stream import Stream, watch
from tidewire.window import Message, worth_telling

if TYPE_CHECKING:
    from tidewire.hub import Hub

log = logging.getLogger("tidewire")

PAGE = 50  # messages of the journal, or undrawn ones, that are drawn before others get their turn
CHUNK_BYTES = 256 * 1024
AHEAD_SECONDS = 5.0  # a page may come from a worker that is ahead of this one; for longer than this none is
TROUBLE_SECONDS = 0.5


class Subscriber(Connection):
    """A connection that listens to topics.

    cursor: it has been sent everything up to this sequence; while it is in a `group` it is up to date, and the cursor
    means nothing.
    """

    __slots__ = ("_base_bytes", "_base_events", "_catching_up", "cursor", "form", "group", "hub", "topics")

    def __init__(self, scope: Scope, send: Send, hub: "Hub", topics: frozenset[str], form: str, cursor: int) -> None:
        super().__init__(scope, send)
        self.hub = hub
        self.topics = topics
        self.form = form
        self.cursor = cursor
        self.group: Group | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._base_events = self._base_bytes = 0

    # -- Up to date: a member of a group

    def join(self) -> None:
        """Become up to date: nothing is missing up to the last flush, and the next one will have the rest."""
        self.group = group = self.hub.fanout.join(self, self.topics, self.form)
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

    def park(self, sending: Coroutine[Any, Any, None], waits_for: Any, cursor: int) -> None:
        """Take over a `send` that waits for this slow client, and catch up from `cursor` when it is done."""
        self.leave()
        self.cursor = cursor
        self.hub.counts["parked"] += 1
        self._catching_up = asyncio.ensure_future(self._unpark(sending, waits_for))

    def fail(self, fault: BaseException) -> None:
        """End: a `send` raised, so nobody is there."""
        self.leave()
        self.end("left")

    def end(self, reason: Any) -> None:
        """End the connection soon, for this reason."""
        super().end(reason)
        if self._catching_up is not None:
            self._catching_up.cancel()

    def beat(self) -> bytes:
        """Move the client's cursor, so that it does not age while its topics are quiet."""
        return super().beat() if self.group is None else f"id: {self.hub.id_of(self.hub.flushed)}\n\n".encode()

    def quiet_since(self) -> float:
        """Tell when the last bytes were sent, in monotonic seconds."""
        return self.last if self.group is None else max(self.last, self.group.last)

    def describe(self, now: float) -> dict[str, Any]:
        """Describe the connection, and how many events it is behind."""
        behind = 0 if self.group is not None else max(0, self.hub.flushed - self.cursor)
        return super().describe(now) | {"topics": sorted(self.topics), "behind": behind}

    # -- Behind: a cursor

    async def _unpark(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        try:
            self.writing += 1
            try:
                await _resume(sending, waits_for)
            finally:
                self.writing -= 1
            await self.catch_up()
            self.join()
            self._catching_up = None
        except Exception as fault:
            self._catching_up = None
            if not isinstance(fault, OSError):
                log.exception("stream %s failed while it caught up", self.stream)
                self.errors += 1
            self.end("left" if isinstance(fault, OSError) else "failed")

    async def catch_up(self) -> None:
        """Send what is missing; return in the same step in which nothing is."""
        while True:
            hub = self.hub
            if self.cursor > hub.flushed:
                await self._wait_for_head()
            elif self.cursor < hub.window.floor:
                await self._send_page()
            else:
                missing = [m for m in hub.window.after(self.cursor, hub.flushed) if m.entry.topic in self.topics]
                if not missing:
                    self.cursor = hub.flushed
                    return
                await self._send_from_window(missing)
            await asyncio.sleep(0)

    async def _send_from_window(self, missing: list[Message]) -> None:
        told, chunks, size, undrawn = worth_telling(missing), [], 0, 0
        upto = self.hub.flushed
        for index, message in enumerate(told):
            undrawn += (message.html if self.form == "html" else message.json) is None
            chunks.append(self.hub.painter.draw(message, self.form))
            size += len(chunks[-1])
            if (size >= CHUNK_BYTES or undrawn >= PAGE) and index + 1 < len(told):
                upto = message.entry.sequence
                break
        await self.write(b"".join(chunks), len(chunks))
        self.cursor = upto

    async def _send_page(self) -> None:
        """Read on in the journal, or start anew where retention has taken what is missing."""
        hub, upto = self.hub, self.hub.flushed
        lasting = [name for name in self.topics if hub.topics.find(name).keep == "all"]
        try:
            entries = await hub.journal.read(self.cursor, self.topics, PAGE)
            floors = await hub.journal.floors(lasting)
        except JournalUnavailable:  # the stream stays up: the journal recovers by itself, and says so elsewhere
            await asyncio.sleep(TROUBLE_SECONDS)
            return
        if any(floor > self.cursor for floor in floors.values()):
            return await self.reset()
        messages = [Message(entry, hub.topics.find(entry.topic), hub.id_of(entry.sequence)) for entry in entries]
        chunks = [hub.painter.draw_history(message, self.form) for message in worth_telling(messages)]
        if chunks:
            await self.write(b"".join(chunks), len(chunks))
        self.cursor = entries[-1].sequence if len(entries) == PAGE else max(upto, *(e.sequence for e in entries), 0)

    async def _wait_for_head(self) -> None:
        deadline = time.monotonic() + AHEAD_SECONDS
        while self.cursor > self.hub.flushed:
            left = deadline - time.monotonic()
            if left <= 0:
                return await self.reset()
            await self.hub.turn(left)

    async def reset(self) -> None:
        """Send the topics whole, and go on from there."""
        chunk, sequence = await self.hub.resets.of(self.topics, self.form)
        await self.write(chunk, 1)
        self.cursor = sequence


class TopicStream(Stream):
    """Stream topics to one client: what it has missed since its cursor, then live.

    cursors: what the client says it has seen, as `last_event_id` lists it; without any it starts now.
    """

    def __init__(self, hub: "Hub", topics: frozenset[str], form: str, cursors: list[str]) -> None:
        super().__init__()
        self.hub = hub
        self.topics = topics
        self.form = form
        self.cursors = cursors
        self.subscriber: Subscriber | None = None

    def connect(self, scope: Scope, send: Send) -> Subscriber:
        """Make the subscriber; it is behind until it has caught up."""
        self.subscriber = Subscriber(scope, send, self.hub, self.topics, self.form, self.hub.flushed)
        return self.subscriber

    async def speak(self, connection: Subscriber, receive: Receive) -> None:
        """Catch up, join the others, and wait until the client leaves."""
        known = [sequence for text in self.cursors if (sequence := self.hub.sequence_of(text)) is not None]
        if known:
            connection.cursor = known[0]
        elif self.cursors:
            await connection.reset()
        self.cursors = []
        if connection.transport is None:
            return await self._follow(connection, receive)
        await connection.catch_up()
        connection.join()
        await watch(receive, connection)

    async def _follow(self, connection: Subscriber, receive: Receive) -> None:
        """Serve a client through a `send` that is not the server's own, and may not be stepped by hand."""
        watcher = asyncio.ensure_future(watch(receive, connection))
        try:
            while connection.reason is None:
                await connection.catch_up()
                await self.hub.turn()
        finally:
            watcher.cancel()

    async def discard(self) -> None:
        """Leave the group."""
        if self.subscriber is not None:
            self.subscriber.leave()
            self.subscriber = None


@types.coroutine
def _resume(sending: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Await a coroutine whose first step has been taken by hand already, and which waits for a future."""
    try:
        yield waits_for
    except BaseException as fault:
        sending.throw(fault)
    yield from sending.__await__()
