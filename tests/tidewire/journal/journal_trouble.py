"""A journal in trouble: what it says, whether it stays, and that it recovers without a loss."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from journals import Inbox, eventually, puts

from tidewire.journal import ChangeJournal, JournalUnavailable


async def recovered(journal: ChangeJournal, inbox: Inbox) -> None:
    """Wait until the journal is well by itself, then check that it lost nothing and goes on."""
    await eventually(lambda: well(journal))
    before = journal.head
    assert await journal.append(puts("a", "after")) == [before + 1]
    assert [e.sequence for e in inbox] == list(range(1, before + 2))
    assert await journal.read(0, ["a"], 10_000) == list(inbox)


async def well(journal: ChangeJournal) -> bool:
    await asyncio.to_thread(threading.get_ident)  # gives way, without asking the journal for anything
    return journal.trouble is None


def refuses(journal: ChangeJournal, path: Path, said: str) -> Any:
    return pytest.raises(JournalUnavailable, match=rf"(?s)^journal {path}: [^\n]*{said}[^\n]*$")


async def trouble_stays(journal: ChangeJournal, said: str) -> None:
    for _ in range(3):
        with pytest.raises(JournalUnavailable, match=said):
            await journal.append(puts("a", "no"))
        assert journal.trouble
        assert said in journal.trouble
