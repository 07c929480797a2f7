"""The journal's file: how it is opened, what is in it, and what its faults mean."""

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

from tidewire.journal import JournalUnavailable

Connect = Callable[[str], Any]
Durability = Literal["normal", "full"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS tidewire_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tidewire_events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, action TEXT NOT NULL,
  data BLOB NOT NULL, time REAL NOT NULL);
CREATE INDEX IF NOT EXISTS tidewire_events_topic ON tidewire_events (topic, sequence);
CREATE TABLE IF NOT EXISTS tidewire_floors (topic TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tidewire_ephemeral (
  number INTEGER PRIMARY KEY AUTOINCREMENT, after INTEGER NOT NULL, topic TEXT NOT NULL, action TEXT NOT NULL,
  data BLOB NOT NULL, time REAL NOT NULL)
"""
VERSION = 1
AGREE = "INSERT INTO tidewire_meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value RETURNING value"
CACHE_KIB = 256  # of pages, each connection: the newest events are in the hub's window anyway
LAST = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)"

BUSY, LOCKED = 5, 6
FAULTS = {  # SQLite's primary result codes, https://sqlite.org/rescode.html
    BUSY: "another program has kept it locked for {busy:g} s: end that program or its transaction",
    LOCKED: "another connection has locked it: end that transaction",
    7: "no memory was left: free some",
    8: "it cannot be written: check the permissions of the file and of its directory",
    10: "the disk failed to read or write: check the disk",
    11: "it is corrupt: restore a backup, or move it away and start anew",
    13: "there is no room left: free some on its disk",
    14: "it cannot be opened: check that its directory exists and can be written",
    15: "its locks are confused: is it on a network disk? Keep it on a local one",
    26: "it is not a SQLite database: restore a backup, or move it away and start anew",
}


class SQLiteFile:
    """Open connections to one file, all by the same `connect`.

    Two SQLite libraries in a process (sqlite3's and apsw's) must not have the same file open: closing a
    file in one drops the POSIX locks of the other, and two writers corrupt it.
    """

    def __init__(self, path: str, connect: Connect | None, durability: Durability, busy_seconds: float) -> None:
        self.path = path
        self.epoch = ""
        self._connect = connect or _stdlib
        self._synchronous = {"normal": "NORMAL", "full": "FULL"}[durability]
        self._busy = busy_seconds

    def create(self) -> "Connection":
        """Open the file, making it and its tables where missing, and agree with other processes on its epoch."""
        return self._patiently(self._create)

    def connect(self) -> "Connection":
        """Open the file that `create` opened; never make one, refuse one of another epoch."""
        return self._patiently(self._open_again)

    def _create(self) -> "Connection":
        connection = self._open()
        with connection.closed_on_error():
            connection.execute("BEGIN IMMEDIATE")
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            # Written even when nothing changes: a file that cannot be written is found out here.
            epoch = connection.one(AGREE, ("epoch", secrets.token_hex(4)))
            version = connection.one(AGREE, ("version", VERSION))
            connection.execute("COMMIT")
            if version != VERSION:
                raise JournalUnavailable(
                    f"journal {self.path}: its tables are of version {version}, this program knows {VERSION}: "
                    "update the program"
                )
        self.epoch = epoch
        return connection

    def _open_again(self) -> "Connection":
        if identity(self.path) is None:
            raise self.replaced()
        connection = self._open()
        with connection.closed_on_error():
            if not connection.one("SELECT count(*) FROM sqlite_master WHERE name = 'tidewire_meta'"):
                raise self.replaced()
            if connection.one("SELECT value FROM tidewire_meta WHERE key = 'epoch'") != self.epoch:
                raise self.replaced()
        return connection

    def _open(self) -> "Connection":
        connection = Connection(self._connect(self.path), self.path)
        with connection.closed_on_error():
            connection.execute(f"PRAGMA busy_timeout = {int(self._busy * 1000)}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            mode = connection.one("PRAGMA journal_mode = WAL")
            if mode != "wal":
                raise JournalUnavailable(f"journal {self.path}: needs WAL, got {mode}: use a file on a local disk")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        return connection

    def _patiently(self, attempt: Callable[[], "Connection"]) -> "Connection":
        # Turning WAL on, and connecting itself (fastlite does it there), do not wait for a lock as statements
        # do: of processes that start at the same instant, some get "locked" at once.
        deadline = time.monotonic() + self._busy
        while True:
            try:
                return attempt()
            except Exception as error:
                if fault(error) not in (BUSY, LOCKED) or time.monotonic() > deadline:
                    raise self.unavailable(error) from error
            time.sleep(0.01)

    def replaced(self) -> JournalUnavailable:
        """Say that the file is not the one that was opened."""
        return JournalUnavailable(
            f"journal {self.path}: the file was removed or replaced while in use: put it back, or restart"
        )

    def unavailable(self, error: BaseException) -> JournalUnavailable:
        """Put what SQLite or the system said into one line with a remedy."""
        if isinstance(error, JournalUnavailable):
            return error
        said = " ".join(str(error).split())
        code = 14 if isinstance(error, OSError) else fault(error)  # connect makes the directory, or tries
        remedy = FAULTS.get(code or 0, "it failed").format(busy=self._busy)
        return JournalUnavailable(f"journal {self.path}: {remedy} ({type(error).__name__}: {said})")


class Connection:
    """Hold the app's database object as `db`, and run plain statements on the connection inside it."""

    def __init__(self, db: Any, path: str) -> None:
        self.db = db
        self.raw = getattr(db, "conn", db)
        self.execute: Callable[..., Any] = self.raw.execute
        self.executemany: Callable[..., Any] = self.raw.executemany
        self._path = path
        self._identity = identity(path)

    def one(self, sql: str, parameters: tuple[Any, ...] = ()) -> Any:
        """Return the first column of the first row, None without a row."""
        rows = self.execute(sql, parameters).fetchall()
        return rows[0][0] if rows else None

    def in_place(self) -> bool:
        """Tell whether the path still leads to this connection's file."""
        return identity(self._path) == self._identity

    def roll_back(self) -> None:
        """End the transaction, if there is one, without trace."""
        with suppress(Exception):
            if self.raw.in_transaction:
                self.execute("ROLLBACK")

    def close(self) -> None:
        """Close, whatever state the file is in."""
        with suppress(Exception):
            self.raw.close()

    @contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Close if the block raises."""
        try:
            yield
        except BaseException:
            self.close()
            raise


def fault(error: BaseException) -> int | None:
    """Return the result code if the error is a fault of the file or the machine, None if it is the caller's."""
    code = getattr(error, "sqlite_errorcode", None)  # sqlite3.Error
    if code is None and type(error).__module__ == "apsw":
        code = getattr(error, "extendedresult", None)
    primary = code & 0xFF if isinstance(code, int) else None
    return primary if primary in FAULTS else None


def identity(path: str) -> tuple[int, int] | None:
    """Return what tells this file from another at the same path, None without a file."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - fifty times a second
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _stdlib(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)
