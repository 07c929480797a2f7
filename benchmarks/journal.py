"""Measure the SQLite journal beside bare sqlite3: python benchmarks/journal.py [--rows 1000000].

Publishing: events a second, and the ratio to bare sqlite3 with one insert a commit at the same durability.
A file of --rows events: what it adds to the start, and to memory; how long 10,000 events take to read back.
"""

import argparse
import asyncio
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tidewire.journal import Draft, Entry, Retention
from tidewire.journal.sqlite import SQLiteJournal
from tidewire.journal.sqlite_file import Durability

DATA = b'{"text": "' + b"x" * 100 + b'"}'


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="events in the large file (%(default)s)")
    parser.add_argument("--topics", type=int, default=10, help="among which those are spread (%(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each publishing figure (%(default)s)")
    parser.add_argument("--connect", choices=["sqlite3", "fastlite"], default="sqlite3")
    parser.add_argument("--directory", type=Path, help="where the files go (a temporary directory)")
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)  # the process that `started` measures
    arguments = parser.parse_args()
    connect: Callable[[str], Any] | None = None
    if arguments.connect == "fastlite":
        from fastlite import database as connect
    if arguments.start:
        asyncio.run(start(arguments.start, connect, arguments.topics))
        return
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        publishing(Path(directory), connect, arguments.seconds)
        large_file(Path(directory), connect, arguments)


def publishing(directory: Path, connect: Callable[[str], Any] | None, seconds: float) -> None:
    """Print how many events a second are committed, and how long a publisher waits for one."""
    durabilities: tuple[Durability, ...] = ("normal", "full")
    print(f"{'':32}{'events/s':>10}{'ratio':>8}{'median ms':>11}{'p99 ms':>9}")
    for durability in durabilities:
        bare = bare_sqlite(directory / f"bare-{durability}.db", durability, seconds)
        print(f"{durability}: {'bare sqlite3, one a commit':24}{bare:10,.0f}{1:8.2f}")
        for publishers in (1, 16):
            path = directory / f"{durability}-{publishers}.db"
            journal = SQLiteJournal(path, connect=connect, durability=durability)
            rate, waits = asyncio.run(published(journal, publishers, seconds))
            print(
                f"{durability}: {f'journal, {publishers} publishing':24}{rate:10,.0f}{rate / bare:8.2f}"
                f"{statistics.median(waits) * 1000:11.2f}{sorted(waits)[len(waits) * 99 // 100] * 1000:9.2f}"
            )


def bare_sqlite(path: Path, durability: Durability, seconds: float) -> float:
    """Return the rate of the plainest program there is: a loop that inserts and commits."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {durability}")
    connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, topic TEXT, data BLOB, time REAL)")
    begin, count = time.perf_counter(), 0
    while (now := time.perf_counter()) - begin < seconds:
        connection.execute("INSERT INTO events (topic, data, time) VALUES (?, ?, ?)", ("feed", DATA, now))
        count += 1
    connection.close()
    return count / seconds


async def published(journal: SQLiteJournal, publishers: int, seconds: float) -> tuple[float, list[float]]:
    """Return the rate, and the seconds each append took."""
    await journal.open(lambda entries: None)
    waits: list[float] = []
    draft = [Draft("feed", DATA)]
    end = time.perf_counter() + seconds

    async def publish() -> None:
        begin = time.perf_counter()
        while begin < end:
            await journal.append(draft)
            now = time.perf_counter()
            waits.append(now - begin)
            begin = now

    await asyncio.gather(*(publish() for _ in range(publishers)))
    await journal.close()
    return len(waits) / seconds, waits


def large_file(directory: Path, connect: Callable[[str], Any] | None, arguments: argparse.Namespace) -> None:
    """Print what a start and a catch-up cost with and without a long history, each in a fresh process."""
    asyncio.run(fill(directory / "empty.db", connect, 1, arguments.topics))
    asyncio.run(fill(directory / "large.db", connect, arguments.rows, arguments.topics))
    figures = {
        name: started(directory / f"{name}.db", arguments.connect, arguments.topics) for name in ("empty", "large")
    }
    print(f"\n{'':32}{'open ms':>10}{'RSS MiB':>9}{'+MiB':>7}{'10,000 read ms':>16}{'worst page':>12}")
    for name, (opened, rss, grown, read, worst) in figures.items():
        rows = arguments.rows if name == "large" else 1
        print(f"start with {f'{rows:,} events':21}{opened:10.1f}{rss:9.1f}{grown:7.1f}{read:16.1f}{worst:12.2f}")


async def fill(path: Path, connect: Callable[[str], Any] | None, rows: int, topics: int) -> None:
    """Make a file of `rows` events."""
    journal = SQLiteJournal(path, connect=connect, keeper=lambda: False)
    await journal.open(lambda entries: None)
    for start in range(0, rows, 5000):
        await journal.append([Draft(f"t{n % topics}", DATA) for n in range(start, min(rows, start + 5000))])
    await journal.close()


def started(path: Path, connect: str, topics: int) -> list[float]:
    """Run `start` in a process of its own."""
    command = [sys.executable, __file__, "--start", str(path), "--connect", connect, "--topics", str(topics)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in output.split()]


async def start(path: Path, connect: Callable[[str], Any] | None, count: int) -> None:
    """Open, take the tail, read 10,000 events of all topics back in pages of 50; print the figures."""
    before = resident()
    journal = SQLiteJournal(path, connect=connect, retention=lambda topic: Retention(1 << 40, None))
    begin = time.perf_counter()
    await journal.open(lambda entries: None)
    window = await journal.tail(1000, 1 << 20)
    opened = time.perf_counter() - begin
    topics = [f"t{n}" for n in range(count)]
    cursor, pages = journal.head - 10_000, [0.0]
    begin = time.perf_counter()
    while cursor >= 0:
        page_begin = time.perf_counter()
        page: list[Entry] = await journal.read(cursor, topics, 50)
        await journal.floors(topics)
        pages.append(time.perf_counter() - page_begin)
        if not page:
            break
        cursor = page[-1].sequence
    read = time.perf_counter() - begin
    rss = resident()
    print(opened * 1000, rss, rss - before, read * 1000, max(pages) * 1000)
    await journal.close()
    del window


def resident() -> float:
    """Return this process's resident memory in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)


if __name__ == "__main__":
    main()
