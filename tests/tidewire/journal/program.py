"""A process of its own that uses a journal: python program.py WHAT PATH CONNECT [ARGUMENTS]."""

import asyncio
import sys
from typing import Any

import fastlite
from journals import Inbox, puts

from tidewire.journal import Draft, Tx
from tidewire.journal.sqlite import SQLiteJournal

ITEMS = "CREATE TABLE IF NOT EXISTS items (name TEXT)"


def say(*words: object) -> None:
    print(*words, flush=True)


async def go() -> None:
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)


async def epoch(journal: SQLiteJournal) -> None:
    """All start at once on a file that is not there, and name its epoch."""
    await go()
    await journal.open(Inbox())
    say(journal.epoch)
    await journal.close()


async def publish(journal: SQLiteJournal, name: str, count: str, expected: str) -> None:
    """Publish by four tasks, wait for what others publish too, and tell the order."""
    inbox = Inbox()
    await journal.open(inbox)
    await go()

    async def one(task: int) -> None:
        for n in range(int(count) // 4):
            if n == int(count) // 8:  # so that none is finished before another has begun
                await inbox.until(lambda inbox: any(not e.data.startswith(name.encode()) for e in inbox))
            await journal.append(puts("a", f"{name}.{task}.{n}"))

    await asyncio.gather(*(one(task) for task in range(4)))
    await inbox.until(lambda inbox: len(inbox) >= int(expected))
    for entry in inbox:
        say(entry.sequence, entry.data.decode())
    await journal.close()


async def change(journal: SQLiteJournal) -> None:
    """Change a table and publish, for ever, telling each answer."""
    await journal.open(Inbox())

    def add(tx: Tx, name: str) -> int:
        tx.db.execute("INSERT INTO items VALUES (?)", (name,))
        return tx.publish(Draft("items", name.encode()))

    async def one(task: int) -> None:
        for n in range(1_000_000):
            name = f"{task}.{n}"
            say(await journal.change(lambda tx, name=name: add(tx, name)), name)

    await journal.change(lambda tx: tx.db.execute(ITEMS) and None)
    await asyncio.gather(*(one(task) for task in range(8)))


async def abandon(journal: SQLiteJournal) -> None:
    """Leave without closing, with a read and an append under way."""
    await journal.open(Inbox())
    await journal.append(puts("a", "1"))
    loop = asyncio.get_running_loop()
    abandoned = [loop.create_task(journal.read(0, ["a"], 9)), loop.create_task(journal.append(puts("a", "2")))]
    await asyncio.wait(abandoned, timeout=0)
    say("left")


WHAT: dict[str, Any] = {"epoch": epoch, "publish": publish, "change": change, "abandon": abandon}
CONNECT = {"sqlite": None, "sqlite-fastlite": fastlite.database}

if __name__ == "__main__":
    what, path, connect, *arguments = sys.argv[1:]
    asyncio.run(WHAT[what](SQLiteJournal(path, connect=CONNECT[connect]), *arguments))
