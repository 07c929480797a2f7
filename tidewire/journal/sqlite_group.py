"""One transaction of the SQLite journal: a group of jobs, each done whole or not at all."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from tidewire.journal import Draft, JournalError, JournalUnavailable, Tx
from tidewire.journal.common import name_of, run_sync
from tidewire.journal.sqlite_file import BUSY, LAST, LOCKED, Connection, SQLiteFile, fault

# The comments make these texts our own: a COMMIT in a change function is another statement to the
# connection's cache of prepared ones, so it is prepared anew, which is when it can be refused.
BEGIN = "BEGIN IMMEDIATE -- tidewire"
COMMIT = "COMMIT -- tidewire"
INSERT = "INSERT INTO tidewire_events VALUES (?, ?, ?, ?, ?)"
INSERT_EPHEMERAL = "INSERT INTO tidewire_ephemeral (after, topic, action, data, time) VALUES (?, ?, ?, ?, ?)"

DENY_TRANSACTION = 22  # SQLITE_TRANSACTION, the authorizer's code for BEGIN, COMMIT and ROLLBACK


class Job:
    """Hold what one caller asked for: drafts to append or a function to run; then how it went."""

    __slots__ = ("drafts", "error", "finished", "fn", "future", "result")

    def __init__(
        self, future: asyncio.Future[Any], drafts: Sequence[Draft] = (), fn: Callable[[Tx], Any] | None = None
    ) -> None:
        self.future = future
        self.drafts = drafts
        self.fn = fn
        self.result: Any = None
        self.error: BaseException | None = None
        self.finished = False


class Group:
    """Run jobs in one transaction of a connection."""

    def __init__(self, connection: Connection, file: SQLiteFile) -> None:
        self._connection = connection
        self._file = file
        self._in_function = False
        self._refused = False
        connection.raw.set_authorizer(self._authorize)

    def commit(self, jobs: Sequence[Job]) -> None:
        """Finish every job: with a result if it is in the file, otherwise with the error that is its own.

        Raises what is wrong with the file; then jobs that are not finished are not in it.
        """
        try:
            self._transaction(jobs)
        except Exception as error:
            self._connection.roll_back()
            if fault(error) or isinstance(error, JournalUnavailable):
                raise
            # A constraint that SQLite checks at commit, or a trigger that rolls all back, strikes the whole
            # group, and nothing of it is in the file: alone, each job answers for itself.
            if len(jobs) > 1:
                for job in jobs:
                    self.commit([job])
            else:
                jobs[0].error = jobs[0].error or error
        for job in jobs:
            job.finished = True

    def _transaction(self, jobs: Sequence[Job]) -> None:
        connection = self._connection
        connection.execute(BEGIN)
        batch = _Batch(connection.one(LAST, ("tidewire_events",)))
        for job in jobs:
            if job.fn is None:
                job.result = [batch.add(draft) for draft in job.drafts]
            elif not job.future.cancelled():
                self._change(job, job.fn, batch)
        if batch.rows:
            connection.executemany(INSERT, batch.rows)
        if batch.ephemeral:
            connection.executemany(INSERT_EPHEMERAL, batch.ephemeral)
        self._check_place()
        connection.execute(COMMIT)
        self._check_place()  # again: what is acknowledged was in the file that the path leads to

    def _check_place(self) -> None:
        if not self._connection.in_place():
            raise self._file.replaced()

    def _change(self, job: Job, fn: Callable[[Tx], Any], batch: "_Batch") -> None:
        connection = self._connection
        mark = batch.mark()
        tx = SQLiteTx(connection.db, batch)
        connection.execute("SAVEPOINT tidewire_change")
        self._in_function, self._refused = True, False
        try:
            job.result, job.error = run_sync(fn, tx), None
        except BaseException as error:
            job.error = error
        finally:
            self._in_function = False
            tx.end()
        if self._refused:
            job.error = JournalError(
                f"{name_of(fn)} began, committed or rolled back a transaction: it runs inside the journal's, "
                "which ends when it returns; raise to undo"
            )
        if job.error is None:
            connection.execute("RELEASE tidewire_change")
            return
        batch.restore(mark)
        if fault(job.error) not in (None, BUSY, LOCKED):
            raise job.error  # of the file; another file's lock is the function's own affair
        connection.execute("ROLLBACK TO tidewire_change")
        connection.execute("RELEASE tidewire_change")

    def _authorize(self, action: int, *_: object) -> int:
        if self._in_function and action == DENY_TRANSACTION:
            self._refused = True
            return 1
        return 0


class SQLiteTx:
    """Hold one change while it runs in the journal's thread.

    `db` is what `connect` returned: a sqlite3.Connection, or fastlite's Database, whose helpers (insert,
    update, delete, lookup, ...) run plain statements and so stay inside the change. Read rows, do not return
    cursors: an open one keeps the file as it was. Nothing is committed before the function has returned.
    """

    def __init__(self, db: Any, batch: "_Batch") -> None:
        self.db = db
        self._batch: _Batch | None = batch

    def publish(self, draft: Draft) -> int:
        """Add an event to the change and return its sequence, 0 if ephemeral."""
        if self._batch is None:
            raise JournalError("this change is over: publish inside the function given to change()")
        return self._batch.add(draft)

    def end(self) -> None:
        """Refuse further events."""
        self._batch = None


class _Batch:
    """Number the group's events; they are inserted together, after the last function has run."""

    def __init__(self, last: int) -> None:
        self.rows: list[tuple[int, str, str, bytes, float]] = []
        self.ephemeral: list[tuple[int, str, str, bytes, float]] = []
        self._last = last
        self._now = time.time()

    def add(self, draft: Draft) -> int:
        if draft.ephemeral:
            self.ephemeral.append((self._last, draft.topic, draft.action, draft.data, self._now))
            return 0
        self._last += 1
        self.rows.append((self._last, draft.topic, draft.action, draft.data, self._now))
        return self._last

    def mark(self) -> tuple[int, int, int]:
        return self._last, len(self.rows), len(self.ephemeral)

    def restore(self, mark: tuple[int, int, int]) -> None:
        self._last = mark[0]
        del self.rows[mark[1] :]
        del self.ephemeral[mark[2] :]
