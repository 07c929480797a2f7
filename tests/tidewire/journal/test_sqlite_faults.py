"""Faults of a SQLite journal's file: each is said in one line, and passes when its cause has gone."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from journal_trouble import recovered, refuses, trouble_stays, well
from journals import Backend, eventually, puts
from sqlite_journals import ask_outside, connect, raw


async def test_a_locked_file_is_said_and_the_journal_recovers(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open(busy_seconds=0.05)
    path = sqlite.directory / "journal.db"
    await journal.append(puts("a", "1"))
    other = raw(connect(sqlite, str(path)))
    other.execute("BEGIN IMMEDIATE")
    with refuses(journal, path, "locked for 0.05 s"):
        await journal.append(puts("a", "2"))
    await trouble_stays(journal, "locked")
    assert len(await journal.read(0, ["a"], 10)) == 1
    other.execute("ROLLBACK")
    await recovered(journal, inbox)
    other.close()


async def test_a_full_disk_is_said_and_the_journal_recovers(sqlite: Backend) -> None:
    full, connections = False, 0

    def limited(path: str) -> Any:
        nonlocal connections
        connections += 1
        db = connect(sqlite, path)
        if full:
            raw(db).execute("PRAGMA max_page_count = 1").fetchall()  # no fewer than there are: no new page
        return db

    journal, inbox = await sqlite.open(connect=limited)
    path = sqlite.directory / "journal.db"
    await journal.append(puts("a", "1"))
    full = True
    await journal.change(lambda tx: raw(tx.db).execute("PRAGMA max_page_count = 1").fetchall())
    with refuses(journal, path, "no room left"):
        await journal.append(puts("a", "x" * 100_000))
    assert journal.trouble
    attempts, full_since = connections, journal.trouble

    async def tried_again() -> bool:
        assert not await well(journal), full_since
        return connections > attempts + 1

    await eventually(tried_again)
    with refuses(journal, path, "no room left"):
        await journal.change(lambda tx: raw(tx.db).execute("CREATE TABLE big AS SELECT zeroblob(99999)") and None)
    full = False
    await recovered(journal, inbox)


async def test_a_file_that_became_read_only_is_said_and_the_journal_recovers(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    path = sqlite.directory / "journal.db"
    await journal.append(puts("a", "1"))
    await journal.change(lambda tx: raw(tx.db).execute("PRAGMA query_only = 1").fetchall())
    with refuses(journal, path, "cannot be written"):
        await journal.append(puts("a", "2"))
    await recovered(journal, inbox)


async def test_a_corrupt_file_is_said_and_the_journal_recovers_when_it_is_restored(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    path = sqlite.directory / "journal.db"
    await journal.append(puts("a", *map(str, range(2000))))

    async def all_in_the_main_file() -> bool:
        return await ask_outside(sqlite, path, "PRAGMA wal_checkpoint(TRUNCATE)") == [(0, 0, 0)]

    await eventually(all_in_the_main_file)
    good = path.read_bytes()
    overwrite(path, good[:4096] + b"\x99" * (len(good) - 4096))
    with refuses(journal, path, "corrupt"):
        await journal.append(puts("a", "no"))
    with refuses(journal, path, "corrupt"):
        await journal.read(0, ["a"], 10)
    await trouble_stays(journal, "corrupt")
    overwrite(path, good)
    await recovered(journal, inbox)


def overwrite(path: Path, content: bytes) -> None:
    """Write over the file from another process: closing it in this one would drop SQLite's locks."""
    subprocess.run(
        [sys.executable, "-c", "import sys; open(sys.argv[1], 'r+b').write(sys.stdin.buffer.read())", str(path)],
        input=content,
        check=True,
    )
