"""The board's own jobs: done once, stopped for good, and never left running by the dead."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hubs import turns_until
from starlette.datastructures import State

from components.jobs import JobUpdate, NewJob
from streams import job_records as records
from streams import jobs, workers
from streams.database import Database, connect
from streams.job_records import Refused
from streams.job_runner import Failed, Kind, Run, work
from tidewire import Hub
from tidewire.journal.sqlite import SQLiteJournal


class Board:
    """Processes of a board that do jobs, without their servers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kinds: dict[str, Kind] = {}

    @contextlib.asynccontextmanager
    async def process(self, *, works: bool = True) -> AsyncIterator[State]:
        state = State()
        state.db = Database(self.path)
        state.worker, state.kinds, state.keeper = workers.name(), self.kinds, lambda: True
        async with Hub(SQLiteJournal(self.path, connect=connect), [jobs.jobs], state.db) as hub:
            state.hub = hub
            for prepare in (workers.prepare, records.prepare):
                await hub.change(prepare)
            async with workers.working(state, [work] if works else []):
                yield state

    def kind(self, run: Any, **given: Any) -> None:
        self.kinds["test"] = Kind("test", run, lambda: None, **given)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board.db")


async def begun(state: State, total: int = 10) -> int:
    return (await state.hub.change(records.add, NewJob(name="Test", total=total), kind="test")).id


async def until_state(state: State, number: int, wanted: str) -> Any:
    await turns_until(lambda: records.find(state.db, number).state == wanted)
    return records.find(state.db, number)


async def endless(run: Run) -> str:
    run.advance(3, "at work")
    await asyncio.Event().wait()
    return "never"


def published(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT count(*) FROM tidewire_events").fetchone()[0]


async def test_a_hundred_thousand_steps_are_a_handful_of_events(board: Board) -> None:
    async def quick(run: Run) -> str:
        for step in range(1, 100_001):
            run.advance(step)
            if step % 10_000 == 0:
                await asyncio.sleep(0)
        return "all of it"

    board.kind(quick)
    async with board.process() as state:
        job = await until_state(state, await begun(state, 100_000), "completed")
    assert (job.done, job.message) == (100_000, "all of it")
    assert published(board.path) < 50


async def test_a_cancel_in_one_process_stops_the_work_in_another(board: Board) -> None:
    stopped = asyncio.Event()

    async def work_on(run: Run) -> str:
        try:
            return await endless(run)
        finally:
            stopped.set()

    board.kind(work_on)
    async with board.process() as doing:
        number = await begun(doing)
        await turns_until(lambda: records.find(doing.db, number).done == 3)
        async with board.process(works=False) as other:
            await other.hub.change(records.cancel, number)
        async with asyncio.timeout(5):
            await stopped.wait()
        job = records.find(doing.db, number)
        assert (job.state, job.done) == ("cancelled", 3)


async def test_after_a_cancel_nothing_more_is_done(board: Board) -> None:
    refused = asyncio.Event()

    async def stubborn(run: Run) -> str:
        run.advance(1)
        await state.hub.change(records.cancel, run.id)
        try:
            await run.step(lambda change: {"done": change.db.execute("CREATE TABLE too_late (x)") and 2})
        finally:
            refused.set()
        return "never"

    board.kind(stubborn)
    async with board.process() as state:
        number = await begun(state)
        async with asyncio.timeout(5):
            await refused.wait()
        assert records.find(state.db, number).state == "cancelled"
        assert "too_late" not in state.db.t


async def test_two_processes_do_each_job_once(board: Board) -> None:
    done = []

    async def once(run: Run) -> str:
        done.append(run.id)
        return ""

    board.kind(once)
    async with board.process() as state, board.process():
        ids = [await begun(state) for _ in range(8)]
        for number in ids:
            await until_state(state, number, "completed")
    assert sorted(done) == ids


@pytest.mark.parametrize(("fault", "said"), [(Failed("no disk"), "no disk"), (ValueError("secret"), "reference")])
async def test_a_job_that_cannot_be_done_says_why_and_no_secret(
    board: Board, fault: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(run: Run) -> str:
        raise fault

    board.kind(fails)
    async with board.process() as state:
        job = await until_state(state, await begun(state), "failed")
    assert "secret" not in job.message
    assert said in job.message or job.message.split()[-1].rstrip(".") in caplog.text


@pytest.mark.parametrize("waits", [True, False])
async def test_a_job_whose_progress_cannot_be_written_fails_rather_than_seem_to_run_for_ever(
    board: Board, waits: bool
) -> None:
    async def says_what_cannot_be_stored(run: Run) -> str:
        run.advance(2**70)
        if waits:
            await asyncio.Event().wait()
        return "done"

    board.kind(says_what_cannot_be_stored)
    async with board.process() as state:
        assert "It broke" in (await until_state(state, await begun(state), "failed")).message


async def test_a_board_that_stops_leaves_its_jobs_interrupted_and_they_can_be_run_again(board: Board) -> None:
    board.kind(endless)
    async with board.process() as state:
        number = await begun(state)
        await turns_until(lambda: records.find(state.db, number).done == 3)

    async def finishes(run: Run) -> str:
        return "at last"

    board.kind(finishes)
    async with board.process() as state:
        assert records.find(state.db, number).state == "interrupted"
        new = await state.hub.change(records.again, number, [])
        assert new.id > number
        assert (await until_state(state, new.id, "completed")).message == "at last"


async def test_what_the_dead_have_left_running_is_marked_interrupted(board: Board) -> None:
    async with board.process(works=False) as state:
        number = await begun(state)
        await state.hub.change(records.claim, "the dead", ["test"])
        async with board.process() as keeper:
            await until_state(keeper, number, "interrupted")


async def test_a_program_that_was_taken_for_dead_goes_on_with_its_job(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with board.process(works=False) as state:
        number = (await state.hub.change(records.add, NewJob(name="Theirs", total=10))).id
        await state.hub.change(records.update, number, JobUpdate(done=4))
        await state.hub.change(records.sweep)
        assert records.find(state.db, number).state == "running"
        monkeypatch.setattr(records, "SILENT_SECONDS", -1.0)
        await state.hub.change(records.sweep)
        assert records.find(state.db, number).state == "interrupted"
        assert not records.find(state.db, number).ended
        job, _ = await state.hub.change(records.update, number, JobUpdate(done=5))
        assert (job.state, job.base, job.finished) == ("running", 4, None)


async def test_of_two_jobs_with_one_key_one_is_open(board: Board) -> None:
    async with board.process(works=False) as state:
        new = NewJob(name="The very same", total=1)
        job = await state.hub.change(records.add, new, kind="test", key="same")
        with pytest.raises(Refused, match="doing just that"):
            await state.hub.change(records.add, new, kind="test", key="same")
        await state.hub.change(records.cancel, job.id)
        await state.hub.change(records.add, new, kind="test", key="same")


async def test_what_resumes_goes_on_after_what_was_done_and_only_once(board: Board) -> None:
    board.kind(endless, resumes=True)
    async with board.process(works=False) as state:
        given = {"kind": "test", "key": "k", "file": "f", "place": 1}
        number = (await state.hub.change(records.add, NewJob(name="R", total=9), **given)).id
        row = await state.hub.change(records.claim, state.worker, ["test"])
        run = Run(state, row)
        await run.step(lambda change: {"done": 5, "data": {"place": 2}, "problems": 1})
        await state.hub.change(records.leave_out, number, [records.Problem(line=4, reason="no")], 0)
        await state.hub.change(records.cancel, number)
        again = await state.hub.change(records.again, number, ["test"])
        assert (again.done, again.base, again.problems) == (5, 5, 1)
        assert '"place": 2' in records.find_row(state.db, again.id)["data"]
        assert [one.line for one in records.problems(state.db, again.id)] == [4]
        await state.hub.change(records.cancel, again.id)
        with pytest.raises(Refused, match="has gone on from where"):
            await state.hub.change(records.again, number, ["test"])


async def test_the_oldest_jobs_are_let_go(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "KEPT", 2)
    async with board.process(works=False) as state:
        ids = [await begun(state) for _ in range(4)]
        for number in ids[:3]:
            await state.hub.change(records.cancel, number)
        gone = await state.hub.change(records.sweep)
        assert [row["id"] for row in gone] == ids[:1]
        assert [job.id for job in records.newest(state.db)] == ids[:0:-1]
