"""The journal: the ordered, durable record of events, which gives every event its sequence.

Journals: `tidewire.journal.memory.MemoryJournal`, `tidewire.journal.sqlite.SQLiteJournal`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from tidewire.errors import JournalError, JournalUnavailable

__all__ = [
    "Action",
    "ChangeJournal",
    "Deliver",
    "Draft",
    "Entry",
    "Journal",
    "JournalError",
    "JournalUnavailable",
    "Retention",
    "RetentionRule",
    "Tx",
]

Action = Literal["put", "remove"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold an event that has no sequence yet; `data` is the JSON of its payload."""

    topic: str
    data: bytes
    action: Action = "put"
    ephemeral: bool = False


class Entry(NamedTuple):
    """Hold an event as the journal keeps it; an ephemeral one has sequence 0 and is never kept."""

    sequence: int
    topic: str
    action: Action
    data: bytes
    time: float  # unix seconds, when it was committed
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """Say how much of a topic is kept: at most `count` events, none older than `age` seconds."""

    count: int = 10_000
    age: float | None = 7 * 24 * 3600.0


Deliver = Callable[[Sequence[Entry]], None]
RetentionRule = Callable[[str], Retention]


class Journal(Protocol):
    """Order events, keep them, and hand each to this process once.

    retention: how much of each topic is kept; where it is None at `open`, a hub puts there what its topics say.
    """

    retention: RetentionRule | None

    @property
    def epoch(self) -> str:
        """Name this journal: short lowercase letters and digits, made with it and kept in it."""

    @property
    def head(self) -> int:
        """Return the highest sequence delivered to this process, or the newest there was at open."""

    @property
    def trouble(self) -> str | None:
        """Return one line while the journal cannot take events, otherwise None."""

    async def open(self, deliver: Deliver) -> None:
        """Start; from now on call `deliver` in the loop's thread with each next group of entries.

        Entries come in the order of their sequences without a gap, whichever process appended them.
        What was committed before is not delivered.
        """

    async def close(self) -> None:
        """Finish what was asked, then stop; later calls raise JournalUnavailable."""

    async def append(self, batch: Sequence[Draft]) -> list[int]:
        """Commit all of the batch or nothing, and return its sequences, 0 for ephemeral ones.

        Returns after `deliver` had them in this process: everybody reads their own writes.
        """

    async def read(self, after: int, topics: Collection[str], limit: int) -> list[Entry]:
        """Return the first `limit` entries of these topics with `after` < sequence <= head, ascending.

        What is newer than the head comes by `deliver`, so a reader who has caught up joins without overlap.
        """

    async def tail(self, limit_count: int, limit_bytes: int) -> list[Entry]:
        """Return the newest entries that were there at open, ascending, within both limits (bytes of data)."""

    async def floors(self, topics: Collection[str]) -> dict[str, int]:
        """Return for each topic the highest sequence that retention removed of it, 0 if none.

        A cursor below its topic's floor has lost events. Ask after `read`, never before: a floor rises in
        the same transaction as the deletion, so a page with a hole is always below the floor asked next.
        """


class Tx(Protocol):
    """Hold one change while it runs; worth nothing afterwards."""

    @property
    def db(self) -> Any:
        """Return the database object, inside the transaction. Begin, commit and roll back are refused."""

    def publish(self, draft: Draft) -> int:
        """Add an event to the change and return its sequence, 0 if ephemeral."""


class ChangeJournal(Journal, Protocol):
    """A journal that lives in a database, and so can change it and publish in one transaction."""

    async def change(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn(tx)` in a savepoint of its own and return its result, after its events were delivered.

        An exception undoes this change and its events alone, and reaches the caller. A caller who is
        cancelled leaves the change done whole or not at all. `fn` is synchronous (else TypeError) and may be
        run again if the transaction it shared was rolled back: let it touch nothing but `tx`.
        """
