"""A SQLite journal on its own: how its file is written and opened, and what its end leaves."""

import asyncio
import threading
from typing import Any

import pytest
from journal_trouble import refuses
from journals import Backend, Inbox, puts
from sqlite_journals import Blocked, ask, asked, connect, raw

from tidewire.journal import JournalUnavailable


@pytest.mark.parametrize(("durability", "synchronous"), [("normal", 1), ("full", 2)])
async def test_the_durability_is_that_of_the_connection_that_writes(
    sqlite: Backend, durability: str, synchronous: int
) -> None:
    journal, _ = await sqlite.open(durability=durability)
    assert await ask(journal, "PRAGMA synchronous") == [(synchronous,)]
    assert await ask(journal, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize("fault", ["garbage", "no directory", "unwritable", "other version"])
async def test_a_file_that_cannot_serve_refuses_to_open_in_one_line(sqlite: Backend, fault: str) -> None:
    path, options = sqlite.directory / "journal.db", {}
    said = {
        "garbage": "not a SQLite database",
        "no directory": "cannot be opened",
        "unwritable": "cannot be written",
        "other version": "version 99",
    }[fault]
    if fault == "garbage":
        path.write_bytes(b"garbage" * 1000)
    elif fault == "no directory":
        path = sqlite.directory / "no" / "such" / "journal.db"
    else:
        journal, _ = await sqlite.open()
        if fault == "other version":
            await ask(journal, "UPDATE tidewire_meta SET value = 99 WHERE key = 'version'")
        await journal.close()
        if fault == "unwritable":

            def read_only(path: str) -> Any:
                db = connect(sqlite, path)
                raw(db).execute("PRAGMA query_only = 1").fetchall()
                return db

            options = {"connect": read_only}
    journal = sqlite.new(**options) if fault != "no directory" else sqlite.new(store="no/such/journal", **options)
    with refuses(journal, path, said):
        await journal.open(Inbox())
    assert threads() == []
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.append(puts("a", "1"))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("tidewire")]


async def test_close_finishes_the_group_it_meets(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    async with Blocked(journal):
        tasks = await asked(*(journal.append(puts("a", str(n))) for n in range(5)), journal.close())
    assert await asyncio.gather(*tasks) == [[1], [2], [3], [4], [5], None]
    assert len(inbox) == 5


async def test_close_ends_the_threads(sqlite: Backend) -> None:
    journal, _ = await sqlite.open()
    await journal.read(0, ["a"], 1)
    assert len(threads()) == 2
    await journal.close()
    assert threads() == []
