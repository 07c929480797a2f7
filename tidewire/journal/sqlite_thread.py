"""The one thread that writes to the SQLite journal, and hands what is new in it to the loop."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from itertools import starmap
from queue import Empty, SimpleQueue

from tidewire.journal import Entry, JournalUnavailable
from tidewire.journal.retention import Sweeper
from tidewire.journal.sqlite_file import LAST, Connection, SQLiteFile
from tidewire.journal.sqlite_group import Group, Job

GROUP = 256  # jobs a transaction: more would gain little and keep the first waiting
PAGE = 256  # entries handed to the loop at once, each of up to 1 MiB
AHEAD = 4096  # entries handed over and not yet delivered, at which the thread waits for a slow loop
RETRY_SECONDS = 0.25  # between attempts to recover
PROBE_BYTES = 16_384  # more than one page, so that a full disk is noticed

NEWER = "SELECT sequence, topic, action, data, time FROM tidewire_events WHERE sequence > ? ORDER BY sequence LIMIT ?"
NEWER_EPHEMERAL = (
    "SELECT number, after, topic, action, data, time FROM tidewire_ephemeral WHERE number > ? ORDER BY number LIMIT ?"
)

Arrive = Callable[[Sequence[Entry], Sequence[Job]], None]


class Writer(threading.Thread):
    """Commit jobs in groups, follow the file, and call `arrive(entries, jobs)` in the loop's thread.

    Each turn: wait for jobs (at most `poll` seconds), commit them, read what is newer than the last read (own
    and other processes' events by one path), hand it over with the finished jobs, let the sweeper take a
    step. A fault fails the jobs of that turn and sets `trouble`; the next turns open the file again.
    """

    def __init__(self, file: SQLiteFile, arrive: Arrive, sweeper: Sweeper, poll: float, head: int, number: int) -> None:
        super().__init__(name="tidewire-journal", daemon=True)
        self.trouble: str | None = None
        self.delivered = head  # set in the loop's thread
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._file = file
        self._arrive = arrive
        self._sweeper = sweeper
        self._poll = poll
        self._head = head
        self._number = number  # of the last ephemeral event seen
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._done: list[Job] = []  # in the file, their events not yet handed over
        self._connection: Connection | None = None
        self._group: Group | None = None
        self._version: int | None = None
        self._behind = False
        self._stopping = False
        self.put = self._jobs.put

    async def stop(self) -> None:
        """Finish the jobs that wait, then end the thread."""
        self._jobs.put(None)
        await asyncio.shield(self._ended)
        self.join()

    def run(self) -> None:
        """Take turns until stopped, or until the loop is gone."""
        try:
            while not self._stopping:
                self._turn(self._take())
            for job in self._done:
                job.error = JournalUnavailable(f"journal {self._file.path}: closed before it could be read back")
            self._call(self._arrive, (), self._done)
            self._call(self._end)
        except _LoopGoneError:
            pass
        finally:
            if self._connection:
                self._connection.close()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _take(self) -> list[Job]:
        group: list[Job] = []
        wait = RETRY_SECONDS if self.trouble else min(self._poll, self._sweeper.wait())
        try:
            job = self._jobs.get(timeout=0.001 if self._behind else wait)
        except Empty:
            return group
        while job is not None:
            group.append(job)
            if len(group) == GROUP or self._jobs.empty():
                return group
            job = self._jobs.get()
        self._stopping = True
        return group

    def _turn(self, jobs: list[Job]) -> None:
        try:
            connection, group = self._connected()
            if jobs:
                try:
                    group.commit(jobs)
                finally:
                    self._done += [job for job in jobs if job.finished]
            elif self.trouble:
                self._probe(connection)
            elif not connection.in_place():
                raise self._file.replaced()
            self.trouble = None
            if jobs or self._changed(connection):
                self._follow(connection)
            self._sweeper.step(connection)
        except _LoopGoneError:
            raise
        except Exception as error:
            self._fail(error, jobs)

    def _connected(self) -> tuple[Connection, Group]:
        if self._connection is None or self._group is None:
            connection = self._file.connect()
            with connection.closed_on_error():
                if connection.one(LAST, ("tidewire_events",)) < self._head:
                    raise JournalUnavailable(
                        f"journal {self._file.path}: an older copy took its place while in use: restart"
                    )
                self._group = Group(connection, self._file)
            self._connection, self._version = connection, None
        return self._connection, self._group

    def _probe(self, connection: Connection) -> None:
        # Two transactions: what is rolled back never meets the disk.
        connection.execute("INSERT OR REPLACE INTO tidewire_meta VALUES ('probe', zeroblob(?))", (PROBE_BYTES,))
        connection.execute("DELETE FROM tidewire_meta WHERE key = 'probe'")

    def _changed(self, connection: Connection) -> bool:
        before, self._version = self._version, connection.one("PRAGMA data_version")
        return self._behind or before != self._version

    def _follow(self, connection: Connection) -> None:
        more = True
        while more:
            self._behind = self._head - self.delivered > AHEAD and not self._stopping
            if self._behind:
                return
            # Ephemeral ones first: an event they come after is then already there to be read.
            ephemeral = connection.execute(NEWER_EPHEMERAL, (self._number, PAGE)).fetchall()
            entries = list(starmap(Entry, connection.execute(NEWER, (self._head, PAGE)).fetchall()))
            more = len(entries) == PAGE or len(ephemeral) == PAGE
            if entries:
                self._head = entries[-1].sequence
            if ephemeral:
                self._number = ephemeral[-1][0]
                entries = _interleaved(entries, ephemeral)
            done: list[Job] = []
            if not more:
                done, self._done = self._done, done
            if entries or done:
                self._call(self._arrive, entries, done)

    def _fail(self, error: Exception, jobs: list[Job]) -> None:
        unavailable = self._file.unavailable(error)
        self.trouble = str(unavailable)
        if self._connection:
            self._connection.roll_back()
            self._connection.close()
            self._connection = self._group = None
        failed = [job for job in jobs if not job.finished]
        for job in failed:
            job.error = JournalUnavailable(self.trouble)
            job.error.__cause__ = error
        if failed:
            self._call(self._arrive, (), failed)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop was closed without us: nobody is left to tell
            raise _LoopGoneError from None


class _LoopGoneError(Exception):
    pass


def _interleaved(entries: list[Entry], ephemeral: list[tuple[int, int, str, str, bytes, float]]) -> list[Entry]:
    keyed = [((entry.sequence, 0), entry) for entry in entries]
    keyed += [((row[1], row[0]), Entry(0, *row[2:], True)) for row in ephemeral]  # type: ignore[arg-type]
    return [entry for _, entry in sorted(keyed, key=lambda pair: pair[0])]
