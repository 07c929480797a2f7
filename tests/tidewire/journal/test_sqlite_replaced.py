"""A SQLite journal whose file is removed or replaced: it waits for its own, and takes no other."""

from pathlib import Path

import pytest
from journal_trouble import recovered, refuses, trouble_stays, well
from journals import Backend, eventually, puts
from sqlite_journals import ask_outside

from tidewire.journal import JournalUnavailable


def move(path: Path, to: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{to}{suffix}")


async def test_a_removed_file_is_said_and_not_made_anew_and_taken_up_when_put_back(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    path, away = sqlite.directory / "journal.db", sqlite.directory / "away.db"
    await journal.append(puts("a", "1"))
    move(path, away)
    with refuses(journal, path, "removed or replaced"):
        await journal.append(puts("a", "2"))
    await trouble_stays(journal, "removed or replaced")
    with refuses(journal, path, "removed or replaced"):
        await journal.read(0, ["a"], 10)
    assert not path.exists()
    move(away, path)
    await recovered(journal, inbox)


async def test_an_idle_journal_notices_that_its_file_is_gone(sqlite: Backend) -> None:
    journal, _ = await sqlite.open()
    await journal.append(puts("a", "1"))
    move(sqlite.directory / "journal.db", sqlite.directory / "away.db")

    async def noticed() -> bool:
        return not await well(journal)

    await eventually(noticed)


async def test_another_journal_in_its_place_is_refused(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    path, away = sqlite.directory / "journal.db", sqlite.directory / "away.db"
    await journal.append(puts("a", "1"))
    move(path, away)
    stranger, _ = await sqlite.open()
    epoch = journal.epoch
    assert stranger.epoch != epoch
    for n in range(5):
        await stranger.append(puts("a", f"strange {n}"))
    with refuses(journal, path, "removed or replaced"):
        await journal.append(puts("a", "2"))
    await trouble_stays(journal, "removed or replaced")
    assert [e.data for e in inbox] == [b"1"]
    assert journal.epoch == epoch
    assert [e.data for e in await stranger.read(0, ["a"], 10)] == [f"strange {n}".encode() for n in range(5)]
    await stranger.close()


async def test_an_older_copy_in_its_place_is_refused_for_it_would_use_ids_again(sqlite: Backend) -> None:
    journal, _ = await sqlite.open()
    path = sqlite.directory / "journal.db"
    await journal.append(puts("a", "1"))
    assert await ask_outside(sqlite, path, f"VACUUM INTO '{sqlite.directory / 'copy.db'}'") == []
    await journal.append(puts("a", "2"))
    move(path, sqlite.directory / "away.db")
    move(sqlite.directory / "copy.db", path)
    with pytest.raises(JournalUnavailable):
        await journal.append(puts("a", "3"))
    await trouble_stays(journal, "older copy")
