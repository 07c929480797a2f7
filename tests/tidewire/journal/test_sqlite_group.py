"""Changes that are committed as a group: each is there with its events or not at all, whatever the others do."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from journals import Backend, puts
from sqlite_journals import Blocked, ask, asked, connect, raw

from tidewire.journal import Draft, JournalError, Tx


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
