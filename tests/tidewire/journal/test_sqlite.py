"""What the SQLite journal promises beyond the contract."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import fastlite
import pytest
from journals import PATIENCE, Backend, Inbox, eventually, puts

from tidewire.journal import ChangeJournal, Draft, JournalError, JournalUnavailable, Retention, Tx

PROGRAM = Path(__file__).parent / "program.py"
NEVER = 3600.0


def start(sqlite: Backend, what: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), what, str(sqlite.directory / "journal.db"), sqlite.kind]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROGRAM.parents[3],
        env={"PYTHONPATH": "."},
    )


def let_go(programs: list[subprocess.Popen[str]]) -> None:
    for program in programs:
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin
        program.stdin.write("go\n")
        program.stdin.flush()


def connect(sqlite: Backend, path: str) -> Any:
    """Connect by the library that the journal uses: two in one process would drop each other's locks."""
    if sqlite.kind == "sqlite":
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    return fastlite.database(path)


def raw(db: Any) -> Any:
    return getattr(db, "conn", db)


async def ask(journal: ChangeJournal, sql: str) -> list[tuple[Any, ...]]:
    return await journal.change(lambda tx: list(raw(tx.db).execute(sql)))


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


# Several processes


def test_processes_that_start_at_once_agree_on_one_epoch(sqlite: Backend) -> None:
    programs = [start(sqlite, "epoch") for _ in range(4)]
    let_go(programs)
    epochs = {program.communicate(timeout=PATIENCE)[0] for program in programs}
    assert len(epochs) == 1
    assert epochs.pop().strip().isalnum()


def test_publishers_of_two_processes_make_one_order_everywhere(sqlite: Backend) -> None:
    programs = [start(sqlite, "publish", name, 400, 800) for name in "xy"]
    let_go(programs)
    orders = [program.communicate(timeout=60)[0].splitlines() for program in programs]
    assert orders[0] == orders[1]
    assert len(set(orders[0])) == 800
    sequences = [int(line.split()[0]) for line in orders[0]]
    assert sequences == list(range(1, 801))
    names = [line.split()[1][0] for line in orders[0]]
    assert sum(a != b for a, b in pairwise(names)) > 1


async def test_a_kill_loses_nothing_acknowledged_and_halves_no_change(sqlite: Backend) -> None:
    for acknowledgements in (1, 60, 250):
        program = start(sqlite, "change")
        assert program.stdout
        lines = [program.stdout.readline() for _ in range(acknowledgements)]
        program.kill()
        lines += [line for line in program.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        program.wait()
        journal, _ = await sqlite.open()
        events = {e.sequence: e.data.decode() for e in await journal.read(0, ["items"], 1_000_000)}
        for line in lines:
            sequence, name = line.split()
            assert events[int(sequence)] == name
        items = [name for (name,) in await ask(journal, "SELECT name FROM items ORDER BY rowid")]
        assert items == list(events.values())
        await journal.close()


async def test_another_process_events_arrive_in_order_the_ephemeral_ones_too(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    peer, theirs = await sqlite.open()
    assert peer.epoch == journal.epoch
    await journal.append(puts("a", "1"))
    await peer.append([*puts("a", "2"), Draft("a", b"?", ephemeral=True), *puts("a", "3")])
    await inbox.until(lambda inbox: len(inbox) == 4)
    await theirs.until(lambda inbox: len(inbox) == 4)
    assert inbox == theirs
    assert [(e.sequence, e.data) for e in inbox] == [(1, b"1"), (2, b"2"), (0, b"?"), (3, b"3")]


async def test_own_events_never_overtake_those_another_process_committed_before(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open(poll_seconds=NEVER)
    peer, _ = await sqlite.open()
    await peer.append(puts("a", *map(str, range(600))))
    assert await journal.append(puts("a", "mine")) == [601]
    assert [e.sequence for e in inbox] == list(range(1, 602))


async def test_read_stops_at_the_head_of_this_process(sqlite: Backend) -> None:
    journal, _ = await sqlite.open(poll_seconds=NEVER)
    peer, _ = await sqlite.open()
    await journal.append(puts("a", "1"))
    await peer.append(puts("a", "2"))
    assert [e.data for e in await journal.read(0, ["a"], 10)] == [b"1"]
    await journal.append(puts("b", "3"))
    assert [e.data for e in await journal.read(0, ["a"], 10)] == [b"1", b"2"]


def test_a_process_that_never_closes_its_journal_still_ends(sqlite: Backend) -> None:
    program = start(sqlite, "abandon")
    assert program.communicate(timeout=PATIENCE)[0] == "left\n"
    assert program.returncode == 0


@pytest.mark.parametrize(("durability", "synchronous"), [("normal", 1), ("full", 2)])
async def test_the_durability_is_that_of_the_connection_that_writes(
    sqlite: Backend, durability: str, synchronous: int
) -> None:
    journal, _ = await sqlite.open(durability=durability)
    assert await ask(journal, "PRAGMA synchronous") == [(synchronous,)]
    assert await ask(journal, "PRAGMA journal_mode") == [("wal",)]


# Groups and changes


async def test_what_waits_is_committed_and_delivered_as_one_group(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    groups: list[int] = []
    journal._deliver = lambda entries: (inbox(entries), groups.append(len(entries)))  # type: ignore[attr-defined]
    async with Blocked(journal):
        tasks = await asked(*(journal.append(puts("a", str(n))) for n in range(50)))
    answers = await asyncio.gather(*tasks)
    assert sorted(s for answer in answers for s in answer) == [e.sequence for e in inbox]
    assert groups == [50]


def fastlite_change(tx: Tx, n: int) -> None:
    items = tx.db.t.items
    items.insert({"id": n, "name": "inserted"})
    items.update({"id": n, "name": "updated"})
    items.upsert({"id": n + 1000, "name": "upserted"})
    items.insert_all([{"id": n + 2000, "name": "x"}, {"id": n + 3000, "name": "y"}])
    items.delete(n + 3000)
    assert items[n]["name"] == "updated"


def plain_change(tx: Tx, n: int) -> None:
    tx.db.execute("INSERT INTO items VALUES (?, 'updated')", (n,))
    tx.db.executemany("INSERT INTO items VALUES (?, ?)", [(n + 1000, "upserted"), (n + 2000, "x")])


async def test_a_change_is_in_the_database_with_its_events_or_not_at_all(sqlite: Backend) -> None:
    journal, inbox = await sqlite.open()
    await ask(journal, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")

    def change(tx: Tx, n: int) -> None:
        tx.publish(Draft("a", str(n).encode()))
        (plain_change if sqlite.kind == "sqlite" else fastlite_change)(tx, n)
        if n % 3 == 1:
            raise LookupError(n)

    async with Blocked(journal):
        tasks = await asked(*(journal.change(lambda tx, n=n: change(tx, n)) for n in range(30)))
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, LookupError)] == list(range(1, 30, 3))
    done = [n for n in range(30) if n % 3 != 1]
    assert [int(e.data) for e in inbox] == done
    assert await ask(journal, "SELECT id FROM items WHERE id < 1000 ORDER BY id") == [(n,) for n in done]
    assert await ask(journal, "SELECT count(*) FROM items") == [(3 * len(done),)]


@pytest.mark.parametrize(
    "end",
    [
        lambda db: db.execute("COMMIT"),
        lambda db: db.execute("COMMIT -- mine"),
        lambda db: db.execute("END; "),
        lambda db: db.execute("ROLLBACK"),
        lambda db: db.execute("BEGIN"),
        lambda db: db.commit(),
        lambda db: db.rollback(),
    ],
)
@pytest.mark.parametrize("swallow", [False, True])
async def test_a_change_cannot_end_the_transaction_it_shares(
    sqlite: Backend, end: Callable[[Any], object], swallow: bool
) -> None:
    journal, inbox = await sqlite.open()
    await ask(journal, "CREATE TABLE items (name TEXT)")

    def greedy(tx: Tx) -> None:
        tx.db.execute("INSERT INTO items VALUES ('mine')")
        tx.publish(Draft("a", b"mine"))
        try:
            end(tx.db)
        except Exception:
            if not swallow:
                raise

    async with Blocked(journal):
        tasks = await asked(journal.append(puts("a", "1")), journal.change(greedy), journal.append(puts("a", "2")))
    with pytest.raises(JournalError, match=r"greedy began, committed or rolled back"):
        await tasks[1]
    assert [await tasks[0], await tasks[2]] == [[1], [2]]
    assert [e.data for e in inbox] == [b"1", b"2"]
    assert await ask(journal, "SELECT * FROM items") == []
    assert journal.trouble is None


@pytest.mark.parametrize("when", ["at commit", "by a trigger that rolls all back"])
async def test_a_constraint_that_strikes_the_whole_transaction_fails_its_own_change_alone(
    sqlite: Backend, when: str
) -> None:
    def strict(path: str) -> Any:
        db = connect(sqlite, path)
        raw(db).execute("PRAGMA foreign_keys = ON")
        return db

    journal, inbox = await sqlite.open(connect=strict)
    await ask(journal, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    if when == "at commit":
        bad = "INSERT INTO child VALUES (7)"
        await ask(journal, "CREATE TABLE child (p REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)")
    else:
        bad = "INSERT INTO parent VALUES (7)"
        await ask(
            journal,
            "CREATE TRIGGER no BEFORE INSERT ON parent WHEN new.id = 7 "
            "BEGIN SELECT raise(ROLLBACK, 'constraint: seven'); END",
        )

    def change(tx: Tx, sql: str) -> None:
        tx.publish(Draft("a", sql.encode()))
        raw(tx.db).execute(sql)

    async with Blocked(journal):
        tasks = await asked(
            *(
                journal.change(lambda tx, sql=sql: change(tx, sql))
                for sql in ("INSERT INTO parent VALUES (1)", bad, "INSERT INTO parent VALUES (2)")
            ),
            journal.append(puts("a", "plain")),
        )
    with pytest.raises(Exception, match=r"(?i)constraint"):
        await tasks[1]
    await asyncio.gather(tasks[0], tasks[2], tasks[3])
    assert await ask(journal, "SELECT id FROM parent") == [(1,), (2,)]
    assert [e.sequence for e in inbox] == [1, 2, 3]
    assert inbox[-1].data == b"plain"
    assert journal.trouble is None


# Retention


class Spy:
    """Stand for the database, and note how many rows each statement changed."""

    def __init__(self, db: Any) -> None:
        self.conn = self
        self._raw = raw(db)
        self.seen: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        result = self._raw.execute(sql, *parameters)
        if sql.startswith("DELETE FROM tidewire_events"):
            self.seen.append(("forget", next(iter(self._raw.execute("SELECT changes()")))[0]))
        return result

    def executemany(self, sql: str, rows: list[Any]) -> Any:
        self.seen.append(("publish", len(rows)))
        return self._raw.executemany(sql, rows)


async def test_retention_takes_small_steps_and_lets_publishers_in_between(sqlite: Backend) -> None:
    spies: list[Spy] = []

    def spied(path: str) -> Spy:
        spies.append(Spy(connect(sqlite, path)))
        return spies[-1]

    def kept(topic: str) -> Retention:
        return Retention(100 if topic == "busy" else 1 << 40)

    keeper = False
    journal, _ = await sqlite.open(connect=spied, retention=kept, keeper=lambda: keeper)
    await journal.append(puts("busy", *map(str, range(20_000))))
    for spy in spies:
        spy.seen.clear()
    keeper = True
    while (await journal.floors(["busy"]))["busy"] < 19_900:
        await journal.append(puts("quiet", "x"))
    seen = [each for spy in spies for each in spy.seen]
    steps = [n for what, n in seen if what == "forget"]
    assert max(steps) <= 500
    assert sum(steps) == 19_900
    first, last = seen.index(("forget", 500)), len(seen) - 1 - seen[::-1].index(("forget", 400))
    assert sum(what == "publish" for what, _ in seen[first:last]) >= 10
    assert len(await journal.read(0, ["busy"], 1000)) == 100


async def test_a_page_with_a_hole_is_always_below_the_floor_asked_next(sqlite: Backend) -> None:
    keeper = False
    journal, _ = await sqlite.open(retention=lambda topic: Retention(7), keeper=lambda: keeper)
    await journal.append(puts("a", *map(str, range(10_000))))
    keeper, first = True, 0
    while first < 9_994:
        first = (await journal.read(0, ["a"], 1))[0].sequence
        assert (await journal.floors(["a"]))["a"] >= first - 1


async def test_only_the_keeper_forgets(sqlite: Backend) -> None:
    keeper, calls = False, 0

    def is_keeper() -> bool:
        nonlocal calls
        calls += 1
        return keeper

    journal, _ = await sqlite.open(retention=lambda topic: Retention(1), keeper=is_keeper)
    await journal.append(puts("a", "1", "2", "3"))

    async def asked_often() -> bool:
        return len(await journal.read(0, ["a"], 10)) > 0 and calls > 10

    await eventually(asked_often)
    assert len(await journal.read(0, ["a"], 10)) == 3
    keeper = True

    async def forgotten() -> bool:
        return len(await journal.read(0, ["a"], 10)) == 1

    await eventually(forgotten)


async def test_ephemeral_events_do_not_pile_up(sqlite: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewire.journal.retention.EPHEMERAL_SECONDS", -1.0)
    journal, inbox = await sqlite.open()
    for _ in range(20):
        await journal.append([Draft("a", b"typing", ephemeral=True)])

    async def gone() -> bool:
        return await ask(journal, "SELECT count(*) FROM tidewire_ephemeral") == [(0,)]

    await eventually(gone)
    await journal.append([Draft("a", b"again", ephemeral=True)])
    assert len(inbox) == 21


# Faults


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


async def ask_outside(sqlite: Backend, path: Path, sql: str) -> list[Any]:
    other = raw(connect(sqlite, str(path)))
    rows = other.execute(sql).fetchall()
    other.close()
    return list(rows)


def overwrite(path: Path, content: bytes) -> None:
    """Write over the file from another process: closing it in this one would drop SQLite's locks."""
    subprocess.run(
        [sys.executable, "-c", "import sys; open(sys.argv[1], 'r+b').write(sys.stdin.buffer.read())", str(path)],
        input=content,
        check=True,
    )


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
