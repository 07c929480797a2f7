"""What a SQLite journal forgets: by small steps, and only in the keeper."""

from typing import Any

import pytest
from journals import Backend, eventually, puts
from sqlite_journals import ask, connect, raw

from tidewire.journal import Draft, Retention


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
