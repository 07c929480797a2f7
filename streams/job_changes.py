"""Changing a job's row and telling of it, in one transaction; of many quick steps, ten a second are told."""

import time
from typing import Any

from components.job import Job, JobNews
from streams.job_table import Row, find_row
from tidewire import Change

TELL_SECONDS = 0.1  # between two events of a job that goes on; its last step is told, however fast it went


def write(change: Change, row: Row, *, moved: bool = False, **values: Any) -> Row:
    """Write what has changed, and tell it; `moved`, where it only went on, may be told later."""
    now = time.time()
    row = row | values | {"revision": row["revision"] + 1, "changed": now}
    telling = not moved or _due(row, now)
    if telling:
        row["told"] = now
    assignments = ", ".join(f"{name} = :{name}" for name in row if name != "id")
    change.db.execute(f"UPDATE jobs SET {assignments} WHERE id = :id", row)  # noqa: S608 - the table's own columns
    if telling:
        announce(change, row, moved=moved)
    return row


def tell(change: Change, id: int) -> None:
    """Tell how far a job is, where that was not told yet. Where it is too early, a later step asks."""
    row, now = find_row(change.db, id), time.time()
    if row is not None and row["told"] < row["changed"] and _due(row, now):
        row["told"] = now
        change.db.execute("UPDATE jobs SET told = ? WHERE id = ?", [now, id])
        announce(change, row, moved=True)


def announce(change: Change, row: Row, *, moved: bool = False) -> Job:
    """Tell how a job stands."""
    job = JobNews(**row, moved=moved)
    change.publish("jobs", job)
    return job


def remove(change: Change, row: Row) -> Row:
    """Delete a job's row and what it has left out, and tell that it is gone."""
    change.db.execute("DELETE FROM job_problems WHERE job = ?", [row["id"]])
    change.db.execute("DELETE FROM jobs WHERE id = ?", [row["id"]])
    change.publish("jobs", JobNews(**row), remove=True)
    return row


def _due(row: Row, now: float) -> bool:
    return bool(abs(now - row["told"]) >= 0.9 * TELL_SECONDS)  # a timer may be early; a clock may have been set back
