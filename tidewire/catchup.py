"""Catching up: from a cursor to the last flush, by the window, by the journal, or by a reset."""

import asyncio
import time
from collections.abc import Collection
from typing import Protocol

from tidewire.errors import JournalUnavailable
from tidewire.hub import Hub
from tidewire.window import Message, worth_telling

PAGE = 50  # messages of the journal, or undrawn ones, that are drawn before others get their turn
CHUNK_BYTES = 64 * 1024  # a client that has stopped reading holds about three of these
AHEAD_SECONDS = 5.0  # a page may come from a worker that is ahead of this one; for longer than this none is
TROUBLE_SECONDS = 0.5
RESET_SECONDS = 0.5  # between resets of one subscriber: a generator that always fails must not keep everybody busy
UNKNOWN = -1  # the cursor of whoever cannot be told what they missed


class Behind(Protocol):
    """A subscriber that is behind: it has been sent everything up to `cursor`."""

    hub: Hub
    topics: frozenset[str]
    form: str
    cursor: int
    reset_at: float

    async def write(self, chunk: bytes, events: int = 0) -> None:
        """Send a chunk of whole events; return when the server has taken it."""


async def catch_up(subscriber: Behind) -> None:
    """Send what is missing; return in the same step in which nothing is."""
    await _CatchUp(subscriber).run()


class _CatchUp:
    def __init__(self, subscriber: Behind) -> None:
        self.subscriber = subscriber
        self.hub = subscriber.hub
        # The window's part from before this process is a tail of the journal, which retention may have thinned.
        self.thinned = subscriber.cursor < self.hub.opened
        self.shown: dict[str, int] = {}  # up to where a topic's reset has shown what cannot be drawn

    async def run(self) -> None:
        hub, subscriber = self.hub, self.subscriber
        while subscriber.cursor != hub.flushed:
            if subscriber.cursor == UNKNOWN:
                await self.reset()
            elif subscriber.cursor > hub.flushed:
                await self.wait_for_head()
            elif subscriber.cursor < hub.window.floor or self.thinned:
                await self.read()
            else:
                await self.send_from_window()
            if subscriber.cursor != hub.flushed:
                await asyncio.sleep(0)  # others' turn; only then, or under load each turn would find a newer flush

    async def send_from_window(self) -> None:
        hub, subscriber = self.hub, self.subscriber
        upto = hub.flushed
        missing = [m for m in hub.window.after(subscriber.cursor, upto) if m.entry.topic in subscriber.topics]
        await self.tell(worth_telling(missing), upto)

    async def read(self) -> None:
        """Read on in the journal up to the window, or start anew where retention has taken what is missing."""
        after, floor = self.subscriber.cursor, self.hub.window.floor
        try:
            async with self.hub.history:
                page = await self.page(after, floor) if after < floor else ([], after)
                # Before the page is told: a client cut between a gap and its reset would come back behind the gap.
                lost = await self.lost(after)
        except JournalUnavailable:  # the stream stays up: the journal recovers by itself, and says so elsewhere
            return await asyncio.sleep(TROUBLE_SECONDS)
        if lost:
            return await self.reset()
        self.thinned = False
        await self.tell(*page)

    async def page(self, after: int, floor: int) -> tuple[list[Message], int]:
        """Read a page of what is before the window; what the window has is drawn there, once for everybody."""
        hub = self.hub
        entries = await hub.journal.read(after, self.subscriber.topics, PAGE)
        upto = min(floor, entries[-1].sequence) if len(entries) == PAGE else floor
        found = [Message(e, hub.topics.find(e.topic), hub.id_of(e.sequence)) for e in entries if e.sequence <= upto]
        messages = [
            message
            for message in worth_telling(found)
            if message.topic.keep == "all" or not await self.newer(message.entry.sequence, message.entry.topic)
        ]
        return messages, upto

    async def lost(self, after: int) -> bool:
        """Ask whether retention has taken anything that counts; after reading, as `Journal.floors` says."""
        floors = await self.hub.journal.floors(self.subscriber.topics)
        for name in (name for name, floor in floors.items() if floor > after):
            if self.hub.topics.find(name).keep == "all" or not await self.newer(after, name):
                return True
        return False

    async def newer(self, sequence: int, name: str) -> bool:
        return bool(await self.hub.journal.read(sequence, [name], 1))

    async def tell(self, messages: Collection[Message], upto: int) -> None:
        """Send a chunk of these messages, as many as are drawn in a moment; `upto` if it is all of them."""
        hub, form = self.hub, self.subscriber.form
        chunks: list[bytes] = []
        size = fresh = 0
        for left, message in zip(range(len(messages) - 1, -1, -1), messages, strict=True):
            fresh += not hub.painter.drawn(message, form)
            drawn = hub.painter.draw(message, form)
            if drawn is None and message.entry.sequence > self.shown.get(message.entry.topic, UNKNOWN):
                if chunks:
                    upto = message.entry.sequence - 1
                    break
                return await self.reset_one(message)
            if drawn:
                chunks.append(drawn)
                size += len(drawn)
            if left and (size >= CHUNK_BYTES or fresh >= PAGE):
                upto = message.entry.sequence
                break
        if chunks:
            await self.subscriber.write(b"".join(chunks), len(chunks))
        self.subscriber.cursor = upto

    async def wait_for_head(self) -> None:
        """Wait for what another worker has published already."""
        deadline = time.monotonic() + AHEAD_SECONDS
        while self.subscriber.cursor > self.hub.flushed:
            left = deadline - time.monotonic()
            if left <= 0:
                return await self.reset()
            await self.hub.turn(left)

    async def reset(self) -> None:
        """Send all topics whole, and go on from there."""
        chunk, sequence = await self.hub.resets.of(self.subscriber.topics, self.subscriber.form)
        await self.go_on(chunk, sequence)
        self.thinned = False

    async def reset_one(self, undrawable: Message) -> None:
        """Send the topic whole that has an event which cannot be drawn, and go on after that."""
        wait = self.subscriber.reset_at + RESET_SECONDS - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        topic, sequence = undrawable.entry.topic, undrawable.entry.sequence
        chunk, shown = await self.hub.resets.of(frozenset({topic}), self.subscriber.form)
        if shown >= sequence:  # else it was begun for somebody else, before that event
            await self.go_on(chunk, sequence)
            self.subscriber.reset_at = time.monotonic()
            self.shown[topic] = shown

    async def go_on(self, chunk: bytes, sequence: int) -> None:
        # The id stands after all of it: a client that is cut off before it asks for a reset again.
        await self.subscriber.write(chunk + f"id: {self.hub.id_of(sequence)}\n\n".encode(), 1)
        self.subscriber.cursor = sequence
