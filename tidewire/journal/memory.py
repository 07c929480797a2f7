"""A journal in this process's memory: for tests, and for events that may die with the process."""

import asyncio
import secrets
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any

from tidewire.journal import Deliver, Draft, Entry, JournalError, JournalUnavailable, Retention, RetentionRule, T, Tx
from tidewire.journal.common import newest, run_sync

_sequence = attrgetter("sequence")


class MemoryJournal:
    """Keep the newest events of each topic in lists.

    `db` is what `change` hands out as `tx.db`. It is the caller's own object: an exception undoes the events
    of a change, but nothing done to `db`.
    """

    def __init__(self, retention: RetentionRule | None = None, *, db: Any = None) -> None:
        self.epoch = secrets.token_hex(4)
        self.head = 0
        self.trouble: str | None = None
        self.retention = retention
        self._db = db
        self._kept: dict[str, list[Entry]] = {}
        self._floors: dict[str, int] = {}
        self._opened = 0
        self._deliver: Deliver | None = None

    async def open(self, deliver: Deliver) -> None:
        """Start delivering; what an earlier open left is history."""
        self._deliver, self._opened = deliver, self.head

    async def close(self) -> None:
        """Stop; the events stay until this object goes."""
        self._deliver = None

    async def append(self, batch: Sequence[Draft]) -> list[int]:
        """Number the batch and deliver it."""
        return await self.change(lambda tx: [tx.publish(draft) for draft in batch])

    async def change(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn(tx)` at once, in the loop's thread."""
        deliver = self._open()
        tx = _MemoryTx(self._db, self.head)
        try:
            result = run_sync(fn, tx)
        finally:
            entries, tx.entries = tx.entries or [], None
        for entry in entries:
            if not entry.ephemeral:
                self._kept.setdefault(entry.topic, []).append(entry)
                self.head = entry.sequence
        for topic in {entry.topic for entry in entries}:
            self._forget(topic)
        if entries:
            deliver(entries)
        await asyncio.sleep(0)  # a journal that never waits would let a publisher's loop starve all others
        return result

    async def read(self, after: int, topics: Collection[str], limit: int) -> list[Entry]:
        """Merge the topics' lists."""
        self._open()
        parts = []
        for topic in set(topics):
            self._forget(topic)
            entries = self._kept.get(topic, [])
            parts.append(islice(entries, bisect_right(entries, after, key=_sequence), None))
        return list(islice(merge(*parts, key=_sequence), limit))

    async def tail(self, limit_count: int, limit_bytes: int) -> list[Entry]:
        """Sort what is left from before open."""
        self._open()
        old = [entry for entries in self._kept.values() for entry in entries if entry.sequence <= self._opened]
        return newest(sorted(old, reverse=True), limit_count, limit_bytes)

    async def floors(self, topics: Collection[str]) -> dict[str, int]:
        """Look them up."""
        self._open()
        for topic in topics:
            self._forget(topic)
        return {topic: self._floors.get(topic, 0) for topic in topics}

    def _open(self) -> Deliver:
        if self._deliver is None:
            raise JournalUnavailable("the memory journal is closed: open it first")
        return self._deliver

    def _forget(self, topic: str) -> None:
        if entries := self._kept.get(topic):
            rule = self.retention(topic) if self.retention else Retention()
            gone = max(0, len(entries) - rule.count)
            if rule.age is not None:
                limit = time.time() - rule.age
                while gone < len(entries) and entries[gone].time < limit:
                    gone += 1
            if gone:
                self._floors[topic] = entries[gone - 1].sequence
                del entries[:gone]


class _MemoryTx:
    def __init__(self, db: Any, head: int) -> None:
        self.db = db
        self.entries: list[Entry] | None = []
        self._last = head

    def publish(self, draft: Draft) -> int:
        if self.entries is None:
            raise JournalError("this change is over: publish inside the function given to change()")
        self._last += not draft.ephemeral
        sequence = 0 if draft.ephemeral else self._last
        self.entries.append(Entry(sequence, draft.topic, draft.action, draft.data, time.time(), draft.ephemeral))
        return sequence
