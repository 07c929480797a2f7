"""What may be asked of jobs: begin one, go on, cancel, run again, delete. Each and its event are one transaction."""

import json
import time
from collections.abc import Iterable
from typing import Any, NoReturn

from components.job import PROGRAM, Job, JobUpdate, NewJob
from streams.job_changes import announce, remove, write
from streams.job_table import Row, find_row, last_of
from tidewire import Change

MOST_OPEN = 1_000  # jobs that wait or run


class Refused(Exception):
    """Say why a job cannot be changed so: an HTTP status, a line, the field it is about, the job as it stands."""

    def __init__(self, status: int, said: str, *, field: str = "", job: Job | None = None) -> None:
        super().__init__(said)
        self.status, self.field, self.job = status, field, job


def add(
    change: Change,
    new: NewJob,
    *,
    kind: str = PROGRAM,
    key: str = "",
    before: Row | None = None,
    file: str = "",
    **data: Any,
) -> Job:
    """Add a job: a program's runs already, one of the board's own waits for its turn.

    key: what it is about; of two jobs with one key only one may be open, so that they cannot do the same work twice.
    before: an ended job that it goes on from, and whose key it takes over. file: the name of one kept for it. data:
    what its kind knows of it.
    """
    if change.db.q("SELECT count(*) AS n FROM jobs WHERE state IN ('queued', 'running')")[0]["n"] >= MOST_OPEN:
        raise Refused(429, f"There are {MOST_OPEN:,} jobs that wait or run; cancel some.")
    if key and (other := last_of(change.db, key)) and other["state"] in ("queued", "running"):
        raise Refused(409, f"Job {other['id']} is doing just that.", job=Job(**other))
    now, theirs = time.time(), kind == PROGRAM
    row: Row = {"kind": kind, "name": new.name, "total": new.total, "message": new.message, "key": key, "file": file}
    row |= {"state": "running" if theirs else "queued", "worker": "", "revision": 0}
    row |= {"created": now, "started": now if theirs else None, "changed": now, "finished": None, "told": now}
    if before:
        row |= {"done": before["done"], "problems": before["problems"], "data": before["data"]}
    else:
        row |= {"done": 0, "problems": 0, "data": json.dumps(data)}
    row = change.db.t.jobs.insert(row | {"base": row["done"]})
    if before:
        sql = "INSERT INTO job_problems SELECT ?, line, reason FROM job_problems WHERE job = ?"
        change.db.execute(sql, [row["id"], before["id"]])
        write(change, before, key="", file="")  # what it was about, and its file, are the new one's
    return announce(change, row)


def update(change: Change, id: int, said: JobUpdate) -> tuple[Job, bool]:
    """Take what a program says of its job; tell the job, and whether everybody has been told."""
    row = _open(change.db, id)
    if row["kind"] != PROGRAM:
        raise Refused(409, f"Job {id} is the board's own: no program tells how it goes.", job=Job(**row))
    total = said.total or row["total"]
    done = row["done"] if said.done is None else said.done
    if said.state == "completed" and said.done is None and total:
        done = total
    if done < row["done"]:
        raise Refused(422, f"expected at least the {row['done']} that were done, got {done}", field="done")
    if total and done > total:
        field, got = ("total", total) if said.done is None else ("done", done)
        expected = f"at least {done}, which are done" if said.done is None else f"at most the total, {total}"
        raise Refused(422, f"expected {expected}, got {got}", field=field)
    values: Row = {"done": done, "total": total, "message": row["message"] if said.message is None else said.message}
    state, now = said.state or "running", time.time()
    if row["state"] == "interrupted":  # its program is back
        values |= {"started": now, "base": row["done"], "finished": None}
    if state != "running":
        values |= {"finished": now}
    row = write(change, row, moved=state == row["state"], state=state, **values)
    return Job(**row), row["told"] >= row["changed"]


def cancel(change: Change, id: int) -> Job:
    """Cancel a job. From here on no step of it is written: whoever works on it is told so when it tries."""
    return Job(**write(change, _open(change.db, id), state="cancelled", finished=time.time()))


def again(change: Change, id: int, resuming: Iterable[str]) -> Job:
    """Run an ended job again, as a new one; one of the kinds that resume goes on after what the old one has done."""
    row = _ended(change.db, id)
    resumes = row["kind"] in resuming
    if row["kind"] == PROGRAM:
        raise Refused(409, f"Job {id} is a program's: only that can run it again.", job=Job(**row))
    if resumes and row["state"] == "completed":
        raise Refused(409, f"Job {id} is done: nothing of it is done twice.", job=Job(**row))
    if resumes and not row["key"]:
        raise Refused(409, f"Another job has gone on from where job {id} stopped.", job=Job(**row))
    if resumes and not row["file"]:
        raise Refused(409, f"The file of job {id} is no longer kept: send it again.", job=Job(**row))
    new = NewJob(name=row["name"], total=row["total"])
    kept = {"before": row, "file": row["file"]} if resumes else {}
    return add(change, new, kind=row["kind"], key=row["key"], **kept, **json.loads(row["data"]))


def delete(change: Change, id: int) -> Row:
    """Delete an ended job, and give it to whoever removes its file."""
    return remove(change, _ended(change.db, id))


def _open(db: Any, id: int) -> Row:
    row = _known(db, id)
    job = Job(**row)
    if job.ended:
        raise Refused(409, f"Job {id} has ended: it is {job.state}.", job=job)
    return row


def _ended(db: Any, id: int) -> Row:
    row = _known(db, id)
    if row["state"] in ("queued", "running"):
        raise Refused(409, f"Job {id} is {row['state']}: cancel it first.", job=Job(**row))
    return row


def _known(db: Any, id: int) -> Row:
    return find_row(db, id) or _missing(id)


def _missing(id: int) -> NoReturn:
    raise Refused(404, f"There is no job {id}.")
