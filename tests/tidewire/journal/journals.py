"""Journals to test, and an inbox that waits for events."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastlite

from tidewire.journal import ChangeJournal, Draft, Entry
from tidewire.journal.memory import MemoryJournal
from tidewire.journal.sqlite import SQLiteJournal

PATIENCE = 20  # seconds: a bound for what hangs, not a measure


class Inbox(list[Entry]):
    """Take what a journal delivers."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def __call__(self, entries: Sequence[Entry]) -> None:
        self.extend(entries)
        self._news.set()

    async def until(self, enough: Callable[["Inbox"], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not enough(self):
                self._news.clear()
                await self._news.wait()


@dataclass
class Backend:
    """Make journals of one kind; all that one store shares is their path."""

    kind: str
    directory: Path
    opened: list[ChangeJournal] = field(default_factory=list)

    def new(self, store: str = "journal", **options: Any) -> ChangeJournal:
        if self.kind == "memory":
            return MemoryJournal(**options)
        if self.kind == "sqlite-fastlite":
            options.setdefault("connect", fastlite.database)
        options.setdefault("sweep_seconds", 0.01)
        return SQLiteJournal(self.directory / f"{store}.db", **options)

    async def open(self, journal: ChangeJournal | None = None, **options: Any) -> tuple[ChangeJournal, Inbox]:
        journal, inbox = journal or self.new(**options), Inbox()
        await journal.open(inbox)
        self.opened.append(journal)
        return journal, inbox

    async def close(self) -> None:
        async with asyncio.timeout(PATIENCE):
            for journal in self.opened:
                await journal.close()

    async def reopen(self, journal: ChangeJournal) -> tuple[ChangeJournal, Inbox]:
        """Close, and open the same store as the next process would."""
        await journal.close()
        return await self.open(journal if self.kind == "memory" else None)


def puts(topic: str, *data: str) -> list[Draft]:
    return [Draft(topic, text.encode()) for text in data]


async def eventually(claim: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await claim():
            pass
