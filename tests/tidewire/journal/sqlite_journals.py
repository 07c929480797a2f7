"""What tests do to a SQLite journal: ask its file, from within or from outside, and hold up its thread."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import fastlite
from journals import PATIENCE, Backend

from tidewire.journal import ChangeJournal, Tx


def connect(sqlite: Backend, path: str) -> Any:
    """Connect by the library that the journal uses: two in one process would drop each other's locks."""
    if sqlite.kind == "sqlite":
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    return fastlite.database(path)


def raw(db: Any) -> Any:
    return getattr(db, "conn", db)


async def ask(journal: ChangeJournal, sql: str) -> list[tuple[Any, ...]]:
    return await journal.change(lambda tx: list(raw(tx.db).execute(sql)))


async def ask_outside(sqlite: Backend, path: Path, sql: str) -> list[Any]:
    other = raw(connect(sqlite, str(path)))
    rows = other.execute(sql).fetchall()
    other.close()
    return list(rows)


class Blocked:
    """Hold up the journal's thread inside a change, so that what is asked meanwhile becomes one group."""

    def __init__(self, journal: ChangeJournal) -> None:
        self._journal = journal
        self._release = threading.Event()

    async def __aenter__(self) -> None:
        self._loop, self._entered = asyncio.get_running_loop(), asyncio.Event()
        self._change = asyncio.ensure_future(self._journal.change(self._wait))
        await self._entered.wait()

    async def __aexit__(self, *_: object) -> None:
        self._release.set()
        await self._change

    def _wait(self, tx: Tx) -> None:
        self._loop.call_soon_threadsafe(self._entered.set)
        self._release.wait(PATIENCE)


async def asked(*coroutines: Any) -> list["asyncio.Task[Any]"]:
    """Start each as far as its wait for the journal."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    await asyncio.wait(tasks, timeout=0)
    return tasks
