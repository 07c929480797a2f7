"""Processes of a board that do jobs, without their servers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hubs import turns_until
from starlette.datastructures import State

from components.job import NewJob
from streams import job_records as records
from streams import job_table as table
from streams import workers
from streams.database import Database, connect
from streams.job_runner import Kind, Run, work
from streams.job_streams import jobs
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
        async with Hub(SQLiteJournal(self.path, connect=connect), [jobs], state.db) as hub:
            state.hub = hub
            for prepare in (workers.prepare, table.prepare):
                await hub.change(prepare)
            async with workers.working(state, [work] if works else []):
                yield state

    def kind(self, run: Any, **given: Any) -> None:
        self.kinds["test"] = Kind("test", run, lambda: None, **given)


async def begun(state: State, total: int = 10) -> int:
    return (await state.hub.change(records.add, NewJob(name="Test", total=total), kind="test")).id


async def until_state(state: State, number: int, wanted: str) -> Any:
    await turns_until(lambda: table.find(state.db, number).state == wanted)
    return table.find(state.db, number)


async def endless(run: Run) -> str:
    run.advance(3, "at work")
    await asyncio.Event().wait()
    return "never"
