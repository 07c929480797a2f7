"""A journal in a SQLite file, shared by all processes of a machine: the embedded default."""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from heapq import merge
from itertools import islice, starmap
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any

from tidewire.journal import Deliver, Draft, Entry, JournalError, JournalUnavailable, Retention, RetentionRule, T, Tx
from tidewire.journal.common import newest
from tidewire.journal.retention import Sweeper
from tidewire.journal.sqlite_file import LAST, Connect, Connection, Durability, SQLiteFile
from tidewire.journal.sqlite_group import Job
from tidewire.journal.sqlite_thread import Writer

_sequence: Callable[[Any], int] = itemgetter(0)
COLUMNS = "SELECT sequence, topic, action, data, time FROM tidewire_events "


class SQLiteJournal:
    """Keep events in tables of the app's own database, whose names begin with `tidewire_`.

    `connect(path)` makes the app's database object (fastlite's `database`, for example; sqlite3 by default):
    `tx.db` in a change. Its connection, `db.conn` or itself, belongs to the journal's thread alone.
    Durability "normal" survives the death of the process, "full" that of the machine. `keeper` says whether
    this process does the retention of the file. Seconds: `poll_seconds` bounds how late other processes' events
    are seen, `busy_seconds` how long a publisher waits for a lock, `sweep_seconds` lie between retentions.

    A file that is removed or replaced while in use is trouble until it is put back: going on in another one
    would give old cursors a new meaning. Restart to take a new file.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        connect: Connect | None = None,
        durability: Durability = "normal",
        retention: RetentionRule | None = None,
        poll_seconds: float = 0.02,
        keeper: Callable[[], bool] = lambda: True,
        busy_seconds: float = 10.0,
        sweep_seconds: float = 5.0,
    ) -> None:
        self._file = SQLiteFile(str(Path(path).absolute()), connect, durability, busy_seconds)
        self.retention = retention
        self._sweeper = keeper, sweep_seconds
        self._poll = poll_seconds
        self._deliver: Deliver | None = None
        self._opened = 0
        self._head = 0
        self._writer: Writer | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reader: Connection | None = None

    @property
    def epoch(self) -> str:
        """Name this journal; empty before the first open."""
        return self._file.epoch

    @property
    def head(self) -> int:
        """Return the highest sequence delivered to this process, or the newest there was at open."""
        return self._head

    @property
    def trouble(self) -> str | None:
        """Return one line while the file cannot take events, otherwise None."""
        return self._writer.trouble if self._writer else None

    async def open(self, deliver: Deliver) -> None:
        """Open or make the file and start the threads; raise JournalUnavailable if it cannot be written."""
        if self._writer:
            raise JournalError(f"journal {self._file.path}: it is open already")
        readers = ThreadPoolExecutor(1, thread_name_prefix="tidewire-journal-reader")
        try:
            self._head, number = await asyncio.get_running_loop().run_in_executor(readers, self._create)
        except BaseException as error:
            readers.submit(self._close_reader)
            readers.shutdown(wait=isinstance(error, JournalError))
            raise
        self._deliver, self._opened, self._readers = deliver, self._head, readers
        sweeper = Sweeper(self.retention or (lambda topic: Retention()), *self._sweeper)
        self._writer = Writer(self._file, self._arrive, sweeper, self._poll, self._head, number)
        self._writer.start()

    async def close(self) -> None:
        """Finish the jobs that wait and end the threads."""
        writer, readers, self._writer, self._readers = self._writer, self._readers, None, None
        if writer and readers:
            await writer.stop()
            await asyncio.get_running_loop().run_in_executor(readers, self._close_reader)
            readers.shutdown()

    async def append(self, batch: Sequence[Draft]) -> list[int]:
        """Commit the batch with whatever else waits, and return its sequences once it was delivered."""
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        (self._writer or self._closed()).put(Job(future, batch))
        return await future

    async def change(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn(tx)` in the journal's thread, in a savepoint of its own: see ChangeJournal and SQLiteTx."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        (self._writer or self._closed()).put(Job(future, fn=fn))
        return await future

    async def read(self, after: int, topics: Collection[str], limit: int) -> list[Entry]:
        """Return the first `limit` entries of these topics with `after` < sequence <= head, ascending."""
        return await self._ask(self._read, after, set(topics), limit, self._head)

    async def tail(self, limit_count: int, limit_bytes: int) -> list[Entry]:
        """Return the newest entries that were there at open, ascending, within both limits."""
        return await self._ask(self._tail, limit_count, limit_bytes)

    async def floors(self, topics: Collection[str]) -> dict[str, int]:
        """Return for each topic the highest sequence that retention removed of it, 0 if none."""
        return await self._ask(self._floors, set(topics))

    def _arrive(self, entries: Sequence[Entry], jobs: Sequence[Job]) -> None:
        """Deliver, then answer: a publisher goes on when its events are in the window."""
        try:
            if entries and self._deliver is not None:
                self._head = next((entry.sequence for entry in reversed(entries) if entry.sequence), self._head)
                if self._writer:
                    self._writer.delivered = self._head
                self._deliver(entries)
        finally:
            for job in jobs:
                if job.future.done():
                    continue
                if job.error is None:
                    job.future.set_result(job.result)
                elif isinstance(job.error, StopIteration):  # a future cannot carry it
                    job.future.set_exception(RuntimeError(f"the change raised {job.error!r}"))
                else:
                    job.future.set_exception(job.error)

    def _closed(self) -> Any:
        raise JournalUnavailable(f"journal {self._file.path}: it is closed: open it first")

    async def _ask(self, question: Callable[..., T], *arguments: object) -> T:
        readers = self._readers or self._closed()
        return await asyncio.get_running_loop().run_in_executor(readers, self._answer, question, *arguments)

    def _answer(self, question: Callable[..., T], *arguments: object) -> T:
        try:
            if self._reader is None or not self._reader.in_place():
                self._close_reader()
                self._reader = self._file.connect()
            return question(self._reader, *arguments)
        except Exception as error:
            self._close_reader()
            raise self._file.unavailable(error) from error

    def _create(self) -> tuple[int, int]:
        self._reader = self._file.create()
        return (
            self._reader.one(LAST, ("tidewire_events",)),
            self._reader.one(LAST, ("tidewire_ephemeral",)),
        )

    def _close_reader(self) -> None:
        if self._reader:
            self._reader.close()
            self._reader = None

    def _read(self, reader: Connection, after: int, topics: set[str], limit: int, head: int) -> list[Entry]:
        # The merge takes rows as it needs them: limit + one a topic are read, however long the topics are.
        sql = COLUMNS + "WHERE topic = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?"
        rows: list[Any] = [reader.execute(sql, (topic, after, head, limit)) for topic in topics]
        try:
            return list(starmap(Entry, islice(merge(*rows, key=_sequence), limit)))
        finally:
            for cursor in rows:
                cursor.close()

    def _tail(self, reader: Connection, limit_count: int, limit_bytes: int) -> list[Entry]:
        rows = reader.execute(
            COLUMNS + "WHERE sequence <= ? ORDER BY sequence DESC LIMIT ?", (self._opened, limit_count)
        )
        try:
            return newest(starmap(Entry, rows), limit_count, limit_bytes)
        finally:
            rows.close()

    def _floors(self, reader: Connection, topics: set[str]) -> dict[str, int]:
        sql = "SELECT topic, sequence FROM tidewire_floors WHERE topic IN (SELECT value FROM json_each(?))"
        return dict.fromkeys(topics, 0) | dict(reader.execute(sql, (json.dumps(list(topics)),)).fetchall())
