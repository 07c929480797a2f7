"""The board's processes on this machine: what each does while it runs, and which of them are alive."""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.datastructures import State

from tidewire import Change, Hub, JournalUnavailable

BEAT_SECONDS = 2.0
DEAD_SECONDS = 7.0  # without a beat; a process that was only held up comes back by its next one
AGAIN_SECONDS = 1.0  # after a work has failed

Work = Callable[[State], Coroutine[Any, Any, None]]

log = logging.getLogger("tidewire")


def name() -> str:
    """Make a name for this process that no other has had: a process id is used again."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def prepare(change: Change) -> None:
    """Make the table."""
    change.db.t.workers.create(id=str, pid=int, started=float, seen=float, pk="id", if_not_exists=True)


def alive(db: Any) -> set[str]:
    """Name the processes that live."""
    return {row["id"] for row in db.q("SELECT id FROM workers WHERE seen > ?", [time.time() - DEAD_SECONDS])}


@asynccontextmanager
async def working(state: State, works: Iterable[Work]) -> AsyncIterator[None]:
    """Do these works until the end of the block, each as a task; one that fails is logged, and begun again."""
    await state.hub.change(beat, state.worker)
    tasks = [asyncio.create_task(_again(work, state)) for work in (_beat, *works)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(JournalUnavailable):
            await state.hub.change(lambda change: change.db.t.workers.delete_where("id = ?", (state.worker,)))


async def _again(work: Work, state: State) -> None:
    while True:
        try:
            return await work(state)
        except Exception:
            log.exception("%s.%s failed, and begins again", work.__module__, work.__name__)
            await asyncio.sleep(AGAIN_SECONDS)


async def _beat(state: State) -> None:
    hub: Hub = state.hub
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        with suppress(JournalUnavailable):  # who cannot write is taken for dead until it can
            await hub.change(beat, state.worker)


def beat(change: Change, worker: str) -> None:
    """Say that a process lives."""
    now = time.time()
    change.db.t.workers.delete_where("seen < ?", (now - DEAD_SECONDS,))
    change.db.t.workers.upsert(id=worker, pid=os.getpid(), started=now, seen=now)
