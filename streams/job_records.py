"""What may become of a job. Each change of one and its event are one transaction."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NoReturn

from components.jobs import PROGRAM, Job, JobNews, JobUpdate, NewJob, Problem, State
from streams.job_table import Row, find_row, last_of
from streams.job_table import find as find
from streams.job_table import newest as newest
from streams.job_table import prepare as prepare
from streams.job_table import problems as problems
from streams.workers import alive
from tidewire import Change

TELL_SECONDS = 0.1  # between two events of a job that goes on; its last step is told, however fast it went
FILE_SECONDS = 24 * 3600.0  # that the file of an ended job is kept
SILENT_SECONDS = 600.0  # after which a program that says nothing is taken for dead
KEPT = 200  # jobs that do not run
MOST_OPEN = 1_000  # jobs that wait or run
PROBLEMS_KEPT = 10_000  # of a job; beyond, they are counted


class Refused(Exception):
    """Say why a job cannot be changed so: an HTTP status, a line, the field it is about, the job as it stands."""

    def __init__(self, status: int, said: str, *, field: str = "", job: Job | None = None) -> None:
        super().__init__(said)
        self.status, self.field, self.job = status, field, job


class Stopped(Exception):
    """Say to whoever works on a job that it is no longer theirs: cancelled, or taken for dead."""


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
        _write(change, before, key="", file="")  # what it was about, and its file, are the new one's
    return _tell(change, row)


def claim(change: Change, worker: str, kinds: Iterable[str]) -> Row | None:
    """Give the job that waits longest to a worker of the board."""
    sql = "SELECT * FROM jobs WHERE state = 'queued' AND kind IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT 1"
    row = next(iter(change.db.q(sql, [json.dumps(list(kinds))])), None)
    return _write(change, row, state="running", worker=worker, started=time.time()) if row else None


def go_on(change: Change, id: int, worker: str, **values: Any) -> None:
    """Write how far a worker is; raise Stopped where the job is no longer its own."""
    _write(change, _held(change.db, id, worker), moved=True, **values)


def check(change: Change, id: int, worker: str, **said: Any) -> None:
    """Write what a worker says, if anything, tell what was not told yet, and raise Stopped as `go_on` does."""
    row = _held(change.db, id, worker)
    if said:
        _write(change, row, moved=True, **said)
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
        _write(change, _held(change.db, id, worker), state=state, finished=time.time(), **values)


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
    row = _write(change, row, moved=state == row["state"], state=state, **values)
    return Job(**row), row["told"] >= row["changed"]


def tell(change: Change, id: int) -> None:
    """Tell how far a job is, where that was not told yet. Where it is too early, a later step asks."""
    row, now = find_row(change.db, id), time.time()
    if row is not None and row["told"] < row["changed"] and _due(row, now):
        row["told"] = now
        change.db.execute("UPDATE jobs SET told = ? WHERE id = ?", [now, id])
        _tell(change, row, moved=True)


def cancel(change: Change, id: int) -> Job:
    """Cancel a job. From here on no step of it is written: whoever works on it is told so when it tries."""
    return Job(**_write(change, _open(change.db, id), state="cancelled", finished=time.time()))


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
    return _forget(change, _ended(change.db, id))


def sweep(change: Change) -> list[Row]:
    """Mark what the dead have left, let the oldest jobs go, and give those whose file is to be removed."""
    now, living = time.time(), alive(change.db)
    for row in change.db.q("SELECT * FROM jobs WHERE state = 'running'"):
        dead = row["changed"] < now - SILENT_SECONDS if row["kind"] == PROGRAM else row["worker"] not in living
        if dead:
            _write(change, row, state="interrupted", finished=now)
    old = list(change.db.q("SELECT * FROM jobs WHERE file != '' AND finished < ?", [now - FILE_SECONDS]))
    for row in old:
        _write(change, row, file="")
    sql = "SELECT * FROM jobs WHERE state NOT IN ('queued', 'running') ORDER BY id DESC LIMIT -1 OFFSET ?"
    return old + [_forget(change, row) for row in change.db.q(sql, [KEPT])]


def _held(db: Any, id: int, worker: str) -> Row:
    row = find_row(db, id)
    if row is None or row["state"] != "running" or row["worker"] != worker:
        raise Stopped
    return row


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


def _forget(change: Change, row: Row) -> Row:
    change.db.execute("DELETE FROM job_problems WHERE job = ?", [row["id"]])
    change.db.execute("DELETE FROM jobs WHERE id = ?", [row["id"]])
    change.publish("jobs", JobNews(**row), remove=True)
    return row


def _write(change: Change, row: Row, *, moved: bool = False, **values: Any) -> Row:
    now = time.time()
    row = row | values | {"revision": row["revision"] + 1, "changed": now}
    telling = not moved or _due(row, now)
    if telling:
        row["told"] = now
    assignments = ", ".join(f"{name} = :{name}" for name in row if name != "id")
    change.db.execute(f"UPDATE jobs SET {assignments} WHERE id = :id", row)  # noqa: S608 - the table's own columns
    if telling:
        _tell(change, row, moved=moved)
    return row


def _due(row: Row, now: float) -> bool:
    return bool(abs(now - row["told"]) >= 0.9 * TELL_SECONDS)  # a timer may be early; a clock may have been set back


def _tell(change: Change, row: Row, *, moved: bool = False) -> Job:
    job = JobNews(**row, moved=moved)
    change.publish("jobs", job)
    return job
