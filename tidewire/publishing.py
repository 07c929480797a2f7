"""Publishing: events, held to their contract, alone or together with the change of the database they tell of."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec, TypeVar

from pydantic import BaseModel

from tidewire.errors import TidewireError, UnknownTopic
from tidewire.journal import ChangeJournal, Draft, Journal, Tx
from tidewire.topics import Topic, Topics

A = ParamSpec("A")
R = TypeVar("R")
Payload = BaseModel | dict[str, Any]


class Publisher:
    """Put events into a journal; the half of the hub that others write to.

    topics: those of the app. context: what snapshots and `known` rules are given (the database, usually).
    """

    def __init__(self, journal: Journal, topics: Iterable[Topic[Any]], context: Any = None) -> None:
        self.journal = journal
        self.topics = Topics(topics)
        self.context = context
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def trouble(self) -> str | None:
        """Say in one line why events cannot be published at present; None if they can."""
        return self.journal.trouble

    def id_of(self, sequence: int) -> str:
        """Write a sequence as an event id."""
        return f"{self.journal.epoch}-{sequence}"

    async def publish(self, topic: str, payload: Payload, *, remove: bool = False) -> str:
        """Publish one event and return its id ("" if ephemeral) when it is kept and on its way.

        Raises UnknownTopic, BadPayload, EventTooLarge, JournalUnavailable; then nothing was stored.
        """
        if self.topics.find(topic).parameters(topic):
            await asyncio.to_thread(self.check, topic)  # a topic's own rule may read the database
        [sequence] = await self.journal.append([self._draft(topic, payload, remove)])
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

    def check(self, name: str, context: Any = None) -> Topic[Any]:
        """Find a topic by its full name, and ask its rule whether that exists; else raise UnknownTopic."""
        found = self.topics.find(name)
        parameters = found.parameters(name)
        if parameters and not found.known(self.context if context is None else context, **parameters):
            raise UnknownTopic(name, [one.name for one in self.topics.all])
        return found

    def draft(self, topic: str, payload: Payload, context: Any, *, remove: bool = False) -> Draft:
        """Hold a payload to its topic's contract and rule, which is given this context."""
        self.check(topic, context)
        return self._draft(topic, payload, remove)

    def _draft(self, topic: str, payload: Payload, remove: bool) -> Draft:
        return self.topics.find(topic).draft(topic, payload, remove=remove)


class Change:
    """What a change may do: `db`, the database inside its transaction, and `publish`."""

    def __init__(self, publisher: Publisher, tx: Tx) -> None:
        self._publisher = publisher
        self._tx = tx

    @property
    def db(self) -> Any:
        """The database object; begin, commit and roll back are refused."""
        return self._tx.db

    def publish(self, topic: str, payload: Payload, *, remove: bool = False) -> str:
        """Add an event to the change and return its id, "" if it is ephemeral.

        The topic's `known` is given `db`: what this change has made is there already.
        """
        sequence = self._tx.publish(self._publisher.draft(topic, payload, self.db, remove=remove))
        return self._publisher.id_of(sequence) if sequence else ""
