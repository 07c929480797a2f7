"""A worker's claim of a job: taken, held with each step, and lost to whoever cancels it or takes it for dead."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from components.job import PROGRAM, Problem, State
from streams.job_changes import remove, tell, write
from streams.job_table import Row, find_row
from streams.workers import alive
from tidewire import Change

FILE_SECONDS = 24 * 3600.0  # that the file of an ended job is kept
SILENT_SECONDS = 600.0  # after which a program that says nothing is taken for dead
KEPT = 200  # jobs that do not run
PROBLEMS_KEPT = 10_000  # of a job; beyond, they are counted


class Stopped(Exception):
    """Say to whoever works on a job that it is no longer theirs: cancelled, or taken for dead."""


def claim(change: Change, worker: str, kinds: Iterable[str]) -> Row | None:
    """Give the job that waits longest to a worker of the board."""
    sql = "SELECT * FROM jobs WHERE state = 'queued' AND kind IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT 1"
    row = next(iter(change.db.q(sql, [json.dumps(list(kinds))])), None)
    return write(change, row, state="running", worker=worker, started=time.time()) if row else None


def go_on(change: Change, id: int, worker: str, **values: Any) -> None:
    """Write how far a worker is; raise Stopped where the job is no longer its own."""
    write(change, _held(change.db, id, worker), moved=True, **values)


def check(change: Change, id: int, worker: str, **said: Any) -> None:
    """Write what a worker says, if anything, tell what was not told yet, and raise Stopped as `go_on` does."""
    row = _held(change.db, id, worker)
    if said:
        write(change, row, moved=True, **said)
    elif row["told"] < row["changed"]:
        tell(change, id)


def leave_out(change: Change, id: int, found: Iterable[Problem], already: int) -> None:
    """Keep what a job leaves out, as long as there is room for it."""
    kept = list(found)[: max(0, PROBLEMS_KEPT - already)]
    sql = "INSERT INTO job_problems VALUES (?, ?, ?)"
    change.db.conn.executemany(sql, ((id, one.line, one.reason) for one in kept))


def end(change: Change, id: int, worker: str, state: State, **values: Any) -> None:
    """End a job that a worker has worked on; nothing happens where it is no longer its own."""
    with suppress(Stopped):
        write(change, _held(change.db, id, worker), state=state, finished=time.time(), **values)


def sweep(change: Change) -> list[Row]:
    """Mark what the dead have left, let the oldest jobs go, and give those whose file is to be removed."""
    now, living = time.time(), alive(change.db)
    for row in change.db.q("SELECT * FROM jobs WHERE state = 'running'"):
        dead = row["changed"] < now - SILENT_SECONDS if row["kind"] == PROGRAM else row["worker"] not in living
        if dead:
            write(change, row, state="interrupted", finished=now)
    old = list(change.db.q("SELECT * FROM jobs WHERE file != '' AND finished < ?", [now - FILE_SECONDS]))
    for row in old:
        write(change, row, file="")
    sql = "SELECT * FROM jobs WHERE state NOT IN ('queued', 'running') ORDER BY id DESC LIMIT -1 OFFSET ?"
    return old + [remove(change, row) for row in change.db.q(sql, [KEPT])]


def _held(db: Any, id: int, worker: str) -> Row:
    row = find_row(db, id)
    if row is None or row["state"] != "running" or row["worker"] != worker:
        raise Stopped
    return row
