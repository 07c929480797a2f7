"""The hub: a process's window on the journal. It publishes, and hands each message to all subscribers."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from pydantic import BaseModel

from tidewire.errors import TidewireError, UnknownTopic
from tidewire.fanout import Fanout
from tidewire.journal import ChangeJournal, Entry, Journal, Tx
from tidewire.resets import Resets
from tidewire.topics import Event, Topic, Topics
from tidewire.window import Message, Painter, Window

log = logging.getLogger("tidewire")
A = ParamSpec("A")
R = TypeVar("R")
Payload = BaseModel | dict[str, Any]

# Under load, events are gathered for this long before they leave together: one write a client instead of many. The
# first after a quiet time leaves at once, so nobody waits who need not.
GATHER_SECONDS = 0.02
WINDOW_COUNT = 2_000
WINDOW_BYTES = 4 * 1024 * 1024


class Hub:
    """Publish events, and stream them to whoever listens.

    topics: those of the app. context: what snapshots and `known` rules are given (the database, usually).
    gather: seconds; 0 sends at each turn of the loop. window_count, window_bytes: bounds of the messages in memory.
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
        self.journal = journal
        self.topics = Topics(topics)
        self.context = context
        self.window = Window(window_count, window_bytes)
        self.painter = Painter(self.window.grow, self._undrawable)
        self.fanout = Fanout(self.painter)
        self.resets = Resets(self)
        self.flushed = 0  # what has this or a lower sequence is on its way to everybody who is up to date
        self.counts = {"published": 0, "resets": 0, "parked": 0}
        self._gather = gather
        self._delivered = 0
        self._pending: list[Message] = []
        self._timer: asyncio.Handle | None = None
        self._last_flush = 0.0
        self._turn: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Open the journal, and fill the window from its tail."""
        self._loop = asyncio.get_running_loop()
        self._turn = self._loop.create_future()
        early: list[Entry] = []
        self._deliver_to: Callable[[Sequence[Entry]], None] = early.extend
        await self.journal.open(lambda entries: self._deliver_to(entries))
        opened = next((entry.sequence - 1 for entry in early if entry.sequence), self.journal.head)
        tail = await self.journal.tail(WINDOW_COUNT, WINDOW_BYTES)
        self.window.floor = tail[0].sequence - 1 if tail else opened
        self._deliver_to = self._deliver
        self._deliver([*tail, *early])
        self._delivered = self.flushed = max(self._delivered, opened)
        self._pending.clear()

    async def close(self) -> None:
        """Close the journal, once all streams have ended."""
        if self._timer is not None:
            self._timer.cancel()
        await self.journal.close()

    @property
    def cursor(self) -> str:
        """The cursor for a page: read it BEFORE the state that the page shows, so that its stream misses nothing."""
        return self.id_of(self._delivered)

    @property
    def trouble(self) -> str | None:
        """Say in one line why events cannot be published at present; None if they can."""
        return self.journal.trouble

    def id_of(self, sequence: int) -> str:
        """Write a sequence as an event id."""
        return f"{self.journal.epoch}-{sequence}"

    def sequence_of(self, cursor: str) -> int | None:
        """Read a cursor; None if it makes no sense or is another journal's."""
        epoch, _, number = cursor.rpartition("-")
        if epoch != self.journal.epoch or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        return int(number)

    # -- Publishing

    async def publish(self, topic: str, payload: Payload, *, remove: bool = False) -> str:
        """Publish one event and return its id ("" if ephemeral) when it is kept and on its way.

        Raises UnknownTopic, BadPayload, EventTooLarge, JournalUnavailable; then nothing was stored.
        """
        draft = self.draft(topic, payload, remove=remove)
        [sequence] = await self.journal.append([draft])
        return self.id_of(sequence) if sequence else ""

    async def change(self, fn: Callable[Concatenate["Change", A], R], *args: A.args, **kwargs: A.kwargs) -> R:
        """Run `fn(change, ...)`: what it does to `change.db` and what it publishes happen together or not at all.

        `fn` is a plain function; it runs in the journal's thread. Its exception undoes all it did and comes out here.
        """
        if not hasattr(self.journal, "change"):
            raise TidewireError(f"{type(self.journal).__name__} lives in no database: publish() instead of change()")
        journal: ChangeJournal = self.journal  # type: ignore[assignment]
        return await journal.change(lambda tx: fn(Change(self, tx), *args, **kwargs))

    def change_sync(self, fn: Callable[Concatenate["Change", A], R], *args: A.args, **kwargs: A.kwargs) -> R:
        """Do `change` from a plain handler, which runs in a thread; raises RuntimeError in the loop's own thread."""
        loop = self._loop
        if loop is None:
            raise TidewireError("the hub is not open: open it in the lifespan")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run_coroutine_threadsafe(self.change(fn, *args, **kwargs), loop).result()
        raise RuntimeError("change_sync() would wait for its own thread: await change() in an async function")

    def draft(self, topic: str, payload: Payload, *, remove: bool = False) -> Any:
        """Hold a payload to its topic's contract and rule."""
        found = self.topics.find(topic)
        self.check(topic)
        return found.draft(topic, payload, remove=remove)

    def check(self, name: str) -> Topic[Any]:
        """Find a topic by its full name, and ask its rule whether that exists; else raise UnknownTopic."""
        found = self.topics.find(name)
        parameters = found.parameters(name)
        if parameters and not found.known(self.context, **parameters):
            raise UnknownTopic(name, [one.name for one in self.topics.all])
        return found

    # -- Delivering

    def _deliver(self, entries: Sequence[Entry]) -> None:
        """Take what the journal has committed, whichever process published it."""
        for entry in entries:
            if entry.sequence:
                self._delivered = entry.sequence
            try:
                topic = self.topics.find(entry.topic)
            except UnknownTopic:  # of another version of the app, or its rules have changed
                continue
            message = Message(entry, topic, self.id_of(entry.sequence))
            if entry.sequence:
                self.window.add(message)
            self._pending.append(message)
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._loop is not None:
            wait = self._gather - (time.monotonic() - self._last_flush)
            self._timer = self._loop.call_later(wait, self._flush) if wait > 0 else self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Hand everything since the last flush to everybody who is up to date: one chunk for each set of topics."""
        self._timer = None
        self._last_flush = time.monotonic()
        pending, self._pending = self._pending, []
        self.fanout.send(pending, self._delivered)
        self.flushed = self._delivered
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

    def _undrawable(self, message: Message, fault: Exception) -> None:
        log.error(
            "event %s of topic %s cannot be drawn: it is skipped", message.id, message.entry.topic, exc_info=fault
        )
        self.resets.of_everybody(message.entry.topic)

    # -- Listening, in this process

    async def listen(self, *topics: str, idle: float | None = None) -> AsyncIterator[Event[Any] | None]:
        """Yield the events of these topics from now on, for a generator that does more than draw them.

        idle: seconds after which None is yielded where there was no event. Whoever is slower than the window is wide
        misses what falls out of it: streams of topics do not.
        """
        wanted = {name for name in topics if self.check(name)}
        cursor = self.flushed
        while True:
            if not await self.turn(idle):
                yield None
            messages, cursor = self.window.after(cursor, self.flushed), self.flushed
            for message in messages:
                if message.entry.topic in wanted:
                    yield message.topic.event_of(message.entry, message.id)


class Change:
    """What a change may do: `db`, the database inside its transaction, and `publish`."""

    def __init__(self, hub: Hub, tx: Tx) -> None:
        self._hub = hub
        self._tx = tx

    @property
    def db(self) -> Any:
        """The database object; begin, commit and roll back are refused."""
        return self._tx.db

    def publish(self, topic: str, payload: Payload, *, remove: bool = False) -> str:
        """Add an event to the change and return its id, "" if it is ephemeral."""
        sequence = self._tx.publish(self._hub.draft(topic, payload, remove=remove))
        return self._hub.id_of(sequence) if sequence else ""
