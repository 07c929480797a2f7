"""The hub: a process's window on the journal. It publishes, and hands each message to all subscribers."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any

from tidewire.ears import Ears
from tidewire.errors import UnknownTopic
from tidewire.fanout import Fanout
from tidewire.journal import Entry, Journal
from tidewire.publishing import Change as Change
from tidewire.publishing import Publisher
from tidewire.resets import Resets
from tidewire.topics import Event, Topic
from tidewire.window import Message, Painter, Window

log = logging.getLogger("tidewire")

# Under load, events are gathered for this long after a flush, and leave together: one write a client instead of many.
# The first after a quiet time leaves at once, so nobody waits who need not.
GATHER_SECONDS = 0.02
WINDOW_COUNT = 2_000
WINDOW_BYTES = 4 * 1024 * 1024


class Hub(Publisher):
    """Publish events, and stream them to whoever listens: `async with Hub(journal, topics):`, in the lifespan.

    topics: those of the app. context: what snapshots and `known` rules are given (the database, usually).
    gather: seconds; 0 sends at each turn of the loop. window_count, window_bytes: bounds of the messages in memory.

    Three positions, each at most the next: `opened`, the journal's head when this process came; `flushed`, what is on
    its way to everybody who is up to date; `delivered`, what the journal has, which the next flush sends.
    """

    def __init__(
        self,
        journal: Journal,
        topics: Iterable[Topic[Any]],
        context: Any = None,
        *,
        gather: float = GATHER_SECONDS,
        window_count: int = WINDOW_COUNT,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        super().__init__(journal, topics, context)
        self.window = Window(window_count, window_bytes)
        self.painter = Painter(self.window)
        self.fanout = Fanout(self.painter)
        self.resets = Resets(self)
        self.opened = self.flushed = self.delivered = 0
        self.counts = {"published": 0, "resets": 0, "parked": 0}
        self.history = asyncio.Lock()  # whoever is behind the window reads a page in turn
        self._gather = gather
        self._pending: list[Message] = []
        self._ears = Ears()
        self._timer: asyncio.Handle | None = None
        self._last_flush = 0.0
        self._turn: asyncio.Future[None] | None = None

    async def __aenter__(self) -> "Hub":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the journal, and fill the window from its tail."""
        if self.journal.retention is None:
            self.journal.retention = self.topics.retention
        self._loop = asyncio.get_running_loop()
        self._turn = self._loop.create_future()
        early: list[Entry] = []
        deliver: Callable[[Sequence[Entry]], None] = early.extend
        await self.journal.open(lambda entries: deliver(entries))
        self.opened = next((entry.sequence - 1 for entry in early if entry.sequence), self.journal.head)
        tail = await self.journal.tail(self.window.count, self.window.bytes)
        # From here to the end is one step: what comes by `deliver` next comes after what is taken in here.
        self.window.start(tail[0].sequence - 1 if tail else self.opened)
        for entry in (*tail, *early):
            self._take(entry)
        self.delivered = self.flushed = max(self.delivered, self.opened)
        self._pending.clear()
        deliver = self._deliver

    async def close(self) -> None:
        """Close the journal, once all streams have ended."""
        await self.journal.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def cursor(self) -> str:
        """The cursor for a page: read it BEFORE the state that the page shows, so that its stream misses nothing."""
        return self.id_of(self.delivered)

    def sequence_of(self, cursor: str) -> int | None:
        """Read a cursor; None if it makes no sense or is another journal's."""
        epoch, _, number = cursor.rpartition("-")
        if epoch != self.journal.epoch or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        return int(number)

    # -- Delivering

    def _deliver(self, entries: Sequence[Entry]) -> None:
        """Take what the journal has committed, whichever process published it."""
        for entry in entries:
            self._take(entry)
        if self._timer is None and self._loop is not None:
            wait = self._gather - (time.monotonic() - self._last_flush)
            self._timer = self._loop.call_later(wait, self._flush) if wait > 0 else self._loop.call_soon(self._flush)

    def _take(self, entry: Entry) -> None:
        if entry.sequence:
            self.delivered = entry.sequence
        try:
            topic = self.topics.find(entry.topic)
        except UnknownTopic:  # of another version of the app, or its rules have changed
            return
        message = Message(entry, topic, self.id_of(entry.sequence))
        if entry.sequence:
            self.window.add(message)
        self._pending.append(message)
        self._ears.hear(message)

    def _flush(self) -> None:
        """Hand everything since the last flush to everybody who is up to date: one chunk for each set of topics."""
        self._timer = None
        pending, self._pending = self._pending, []
        self.fanout.send(pending, self.flushed, self.delivered)
        self._last_flush = time.monotonic()  # its end: however many there are, others have their turn
        self.flushed = self.delivered
        self.counts["published"] += len(pending)
        turn = self._turn
        self._turn = asyncio.get_running_loop().create_future()
        if turn is not None:
            turn.set_result(None)

    async def turn(self, seconds: float | None = None) -> bool:
        """Wait for the next flush, at most so long; tell whether there was one."""
        assert self._turn is not None, "the hub is not open"
        done, _ = await asyncio.wait([self._turn], timeout=seconds)
        return bool(done)

    # -- Listening, in this process

    def listen(self, *topics: str, idle: float | None = None) -> AsyncGenerator[Event[Any] | None, None]:
        """Yield the events of these topics from this call on, for a generator that does more than draw them.

        Whoever reads a state after this call, and then what is yielded, misses nothing. None means: look again. It is
        yielded after `idle` seconds without an event of these topics, and to whoever was slower than the window is
        wide, and so has missed what fell out of it. Ephemeral events are not among them.
        """
        return self._listen({name for name in topics if self.check(name)}, self.flushed, idle)

    async def _listen(
        self, wanted: set[str], cursor: int, idle: float | None
    ) -> AsyncGenerator[Event[Any] | None, None]:
        quiet = time.monotonic()
        while True:
            if cursor == self.flushed:
                await self.turn(None if idle is None else max(0.0, quiet + idle - time.monotonic()))
            missed = cursor < self.window.floor
            messages, cursor = self.window.after(cursor, self.flushed), self.flushed
            if missed:
                yield None
            for message in messages:
                if message.entry.topic in wanted and (event := self._read(message)):
                    yield event
                    quiet = time.monotonic()
            if idle is not None and time.monotonic() - quiet >= idle:
                yield None
                quiet = time.monotonic()

    async def overhear(self, *topics: str) -> AsyncGenerator[Event[Any], None]:
        """Yield the events of these topics as they come, ephemeral ones too: what processes tell each other."""
        async for message in self._ears.listen([name for name in topics if self.check(name)]):
            if event := self._read(message):
                yield event

    def _read(self, message: Message) -> Event[Any] | None:
        try:
            return message.topic.event_of(message.entry, message.id)
        except ValueError:  # pydantic's: it was published by another version of the app
            log.exception("event %s of topic %s does not fit its contract", message.id, message.entry.topic)
            return None
