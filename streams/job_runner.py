"""Doing the board's own jobs: each process takes what waits, and stops what is no longer to be done."""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.datastructures import State

from streams import job_claims as claims
from streams.job_changes import TELL_SECONDS
from streams.job_claims import Stopped
from streams.job_table import Row
from tidewire import Change, JournalUnavailable

AT_ONCE = 2  # jobs of one process: each has a share of its time, and pages need the rest
LOOK_SECONDS = 1.0  # after which it is asked whether a job that says nothing is still to be done
QUEUE_SECONDS = 5.0  # between looks at the queue: usually the news of a job comes first
SWEEP_SECONDS = 2.0
AGAIN_SECONDS = 1.0  # after the journal could not be written

log = logging.getLogger("tidewire")


class Failed(Exception):
    """Say, to whoever reads the job, why it cannot be done."""


@dataclass(frozen=True)
class Kind:
    """A kind of job that the board does itself.

    run: does it, and returns what there is to say of it in the end; raises Failed with the reason why it cannot.
    begin: draws how a person begins one. resumes: whether running it again goes on after what was done.
    forget: removes what a job has left on the disk.
    """

    name: str
    run: Callable[["Run"], Coroutine[Any, Any, str]]
    begin: Callable[[], Any]
    resumes: bool = False
    forget: Callable[[State, Row], None] = lambda state, row: None


class Run:
    """One job under way, for the one who does it."""

    def __init__(self, state: State, row: Row) -> None:
        self.state = state
        self.worker: str = state.worker
        self.id: int = row["id"]
        self.key: str = row["key"]
        self.done: int = row["done"]
        self.problems: int = row["problems"]
        self.data: dict[str, Any] = json.loads(row["data"])
        self.said: dict[str, Any] = {}
        self._moved = asyncio.Event()

    def advance(
        self, done: int, message: str | None = None, *, total: int | None = None, file: str | None = None
    ) -> None:
        """Say how far it is. It may be called for each of very many steps: what is written and told is throttled."""
        said = {"done": done, "message": message, "total": total, "file": file}
        self.said |= {name: value for name, value in said.items() if value is not None}
        self.done = done
        self._moved.set()

    async def step(self, fn: Callable[[Change], dict[str, Any]]) -> None:
        """Do what `fn` does, in one transaction with what it returns: done, message, problems, data, file.

        `data` is its kind's own place in the work: so whoever runs the job again knows exactly what was done, however
        it ended. Raises Stopped, and changes nothing, once the job is no longer to be done.
        """

        def both(change: Change) -> dict[str, Any]:
            claims.check(change, self.id, self.worker)
            values = fn(change)
            claims.go_on(change, self.id, self.worker, **values | {"data": json.dumps(values.get("data", self.data))})
            return values

        values = await self.state.hub.change(both)
        self.said |= {name: value for name, value in values.items() if name in self.said}
        self.done, self.data = values.get("done", self.done), values.get("data", self.data)
        self.problems = values.get("problems", self.problems)
        self._moved.set()

    async def report(self) -> NoReturn:
        """Write what `advance` says, at most every TELL_SECONDS; raise Stopped once the job is not to be done."""
        while True:
            said: dict[str, Any] = {}
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):  # wait_for of Python 3.11 can swallow a cancellation
                    await self._moved.wait()
                said = self.said
            self._moved.clear()
            try:
                await self.state.hub.change(claims.check, self.id, self.worker, **said)
            except JournalUnavailable:
                self._moved.set()
            await asyncio.sleep(TELL_SECONDS)


async def work(state: State) -> None:
    """Do what waits, and keep the table true, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_lane(state))
        group.create_task(_keep(state))


async def _lane(state: State) -> None:
    """Do one job after the other."""
    kinds: Mapping[str, Kind] = state.kinds
    news = state.hub.listen("jobs", idle=QUEUE_SECONDS)
    while True:
        with suppress(JournalUnavailable):
            while row := await state.hub.change(claims.claim, state.worker, kinds):
                await _do(state, kinds[row["kind"]], row)
        async for event in news:
            if event is None or event.data.state == "queued":
                break


async def _do(state: State, kind: Kind, row: Row) -> None:
    run = Run(state, row)
    doing, reporting = asyncio.create_task(kind.run(run)), asyncio.create_task(run.report())
    try:
        await asyncio.wait([doing, reporting], return_when=asyncio.FIRST_COMPLETED)
        values = await _outcome(doing if doing.done() else reporting, row)
    except asyncio.CancelledError:  # the board stops
        with suppress(JournalUnavailable):
            await state.hub.change(claims.end, run.id, state.worker, "interrupted", **run.said)
        raise
    finally:
        for task in (doing, reporting):
            task.cancel()
        await asyncio.gather(doing, reporting, return_exceptions=True)
    if values is not None:
        await _end(state, run, values)


async def _outcome(done: "asyncio.Task[str]", row: Row) -> dict[str, Any] | None:
    try:
        return {"state": "completed", "message": await done}
    except Stopped:
        return None
    except Failed as fault:
        return {"state": "failed", "message": str(fault)}
    except Exception:
        return _broken(row["id"])


def _broken(id: int) -> dict[str, Any]:
    """Log what has just been raised, and say where."""
    reference = secrets.token_hex(4)
    log.exception("job %s failed, reference %s", id, reference)
    return {"state": "failed", "message": f"It broke; the server's log has the reason under {reference}."}


async def _end(state: State, run: Run, values: dict[str, Any]) -> None:
    while True:
        try:
            await state.hub.change(claims.end, run.id, state.worker, **run.said | values)
            return
        except JournalUnavailable:
            await asyncio.sleep(AGAIN_SECONDS)
        except Exception:
            if not run.said:
                raise
            run.said, values = {}, _broken(run.id)  # what it has said last cannot be written


async def _keep(state: State) -> None:
    """In one process of the machine: mark what the dead have left, and let go of what is old."""
    while True:
        if state.keeper():
            with suppress(JournalUnavailable):
                for row in await state.hub.change(claims.sweep):
                    await asyncio.to_thread(forget, state, row)
        await asyncio.sleep(SWEEP_SECONDS)


def forget(state: State, row: Row) -> None:
    """Remove what a job has left on the disk; a file that cannot be removed is no reason to stop others' jobs."""
    kind = state.kinds.get(row["kind"])
    try:
        if kind is not None:
            kind.forget(state, row)
    except OSError:
        log.exception("the file of job %s cannot be removed", row["id"])
