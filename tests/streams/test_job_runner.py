"""The board's own jobs: done once, stopped for good, and never left running by the dead."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from hubs import turns_until
from job_processes import Board, begun, endless, until_state

from streams import job_claims as claims
from streams import job_records as records
from streams import job_table as table
from streams.job_runner import Failed, Run


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board.db")


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
        await turns_until(lambda: table.find(doing.db, number).done == 3)
        async with board.process(works=False) as other:
            await other.hub.change(records.cancel, number)
        async with asyncio.timeout(5):
            await stopped.wait()
        job = table.find(doing.db, number)
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
        assert table.find(state.db, number).state == "cancelled"
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
        await turns_until(lambda: table.find(state.db, number).done == 3)

    async def finishes(run: Run) -> str:
        return "at last"

    board.kind(finishes)
    async with board.process() as state:
        assert table.find(state.db, number).state == "interrupted"
        new = await state.hub.change(records.again, number, [])
        assert new.id > number
        assert (await until_state(state, new.id, "completed")).message == "at last"


async def test_what_the_dead_have_left_running_is_marked_interrupted(board: Board) -> None:
    async with board.process(works=False) as state:
        number = await begun(state)
        await state.hub.change(claims.claim, "the dead", ["test"])
        async with board.process() as keeper:
            await until_state(keeper, number, "interrupted")
