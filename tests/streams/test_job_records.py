"""What may become of a job: by its program, by who runs it again, and by the keeper's sweep."""

from pathlib import Path

import pytest
from job_processes import Board, begun, endless

from components.job import JobUpdate, NewJob, Problem
from streams import job_claims as claims
from streams import job_records as records
from streams import job_table as table
from streams.job_records import Refused
from streams.job_runner import Run


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board.db")


async def test_a_program_that_was_taken_for_dead_goes_on_with_its_job(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with board.process(works=False) as state:
        number = (await state.hub.change(records.add, NewJob(name="Theirs", total=10))).id
        await state.hub.change(records.update, number, JobUpdate(done=4))
        await state.hub.change(claims.sweep)
        assert table.find(state.db, number).state == "running"
        monkeypatch.setattr(claims, "SILENT_SECONDS", -1.0)
        await state.hub.change(claims.sweep)
        assert table.find(state.db, number).state == "interrupted"
        assert not table.find(state.db, number).ended
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
        row = await state.hub.change(claims.claim, state.worker, ["test"])
        run = Run(state, row)
        await run.step(lambda change: {"done": 5, "data": {"place": 2}, "problems": 1})
        await state.hub.change(claims.leave_out, number, [Problem(line=4, reason="no")], 0)
        await state.hub.change(records.cancel, number)
        again = await state.hub.change(records.again, number, ["test"])
        assert (again.done, again.base, again.problems) == (5, 5, 1)
        assert '"place": 2' in table.find_row(state.db, again.id)["data"]
        assert [one.line for one in table.problems(state.db, again.id)] == [4]
        await state.hub.change(records.cancel, again.id)
        with pytest.raises(Refused, match="has gone on from where"):
            await state.hub.change(records.again, number, ["test"])


async def test_the_oldest_jobs_are_let_go(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "KEPT", 2)
    async with board.process(works=False) as state:
        ids = [await begun(state) for _ in range(4)]
        for number in ids[:3]:
            await state.hub.change(records.cancel, number)
        gone = await state.hub.change(claims.sweep)
        assert [row["id"] for row in gone] == ids[:1]
        assert [job.id for job in table.newest(state.db)] == ids[:0:-1]
