"""A SQLite journal's file that several processes share: one epoch, one order, and nothing lost by a kill."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from journals import PATIENCE, Backend, puts
from sqlite_journals import ask

from tidewire.journal import Draft

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
