"""The board's database, as handlers and snapshots read it."""

import threading
from pathlib import Path
from typing import Any

from apsw import SQLITE_OPEN_READONLY
from fastlite import database

LARGEST_NUMBER = 2**63 - 1  # what SQLite can hold


def held(number: int) -> int:
    """Bring a number that somebody asks for to what the database can hold."""
    return max(-LARGEST_NUMBER, min(number, LARGEST_NUMBER))


def connect(path: str) -> Any:
    """Open the database with fastlite, patient enough for several processes."""
    opened = database(path)
    opened.conn.execute("PRAGMA busy_timeout = 10000")
    return opened


def connect_to_read(path: str) -> Any:
    """Open the database for reading alone.

    Where fastlite may write it does so at once (`PRAGMA optimize`), and fails if somebody else is writing for longer
    than 100 ms.
    """
    opened = database(path, wal=False, flags=SQLITE_OPEN_READONLY)
    opened.conn.execute("PRAGMA busy_timeout = 10000")
    return opened


class Database(threading.local):
    """The database for reading: a connection of its own for each thread that asks.

    Changes go through `hub.change`, together with their events.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: Any = None

    @property
    def t(self) -> Any:
        """The tables, as fastlite has them: `db.t.tasks(order_by="id")`."""
        return self._opened().t

    def q(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        """Run a query."""
        rows: list[dict[str, Any]] = self._opened().q(sql, parameters)
        return rows

    def _opened(self) -> Any:
        if self._db is None:
            self._db = connect_to_read(str(self._path))
        return self._db
