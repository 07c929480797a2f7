"""The table of jobs, and what is read from it."""

from typing import Any

from components.job import LARGEST, Job, Problem
from components.jobs import SHOWN
from tidewire import Change

Row = dict[str, Any]


def prepare(change: Change) -> None:
    """Make the tables. A number is never given twice: a tab may still ask for the one that was deleted."""
    change.db.execute(
        "CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL,"
        " total INTEGER, done INTEGER NOT NULL, message TEXT NOT NULL, state TEXT NOT NULL, worker TEXT NOT NULL,"
        " base INTEGER NOT NULL, problems INTEGER NOT NULL, file TEXT NOT NULL, revision INTEGER NOT NULL,"
        " created REAL NOT NULL, started REAL, changed REAL NOT NULL, finished REAL, told REAL NOT NULL,"
        " key TEXT NOT NULL, data TEXT NOT NULL)"
    )
    change.db.execute("CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state)")
    change.db.execute("CREATE INDEX IF NOT EXISTS jobs_by_key ON jobs (key) WHERE key != ''")
    change.db.execute("CREATE TABLE IF NOT EXISTS job_problems (job INTEGER, line INTEGER, reason TEXT)")
    change.db.execute("CREATE INDEX IF NOT EXISTS problems_by_job ON job_problems (job, line)")


def find(db: Any, id: int | str) -> Job | None:
    """Read a job by its number, or by what somebody wrote for one."""
    row = find_row(db, int(id)) if isinstance(id, int) or (id.isascii() and id.isdigit() and len(id) < 17) else None
    return Job(**row) if row else None


def find_row(db: Any, id: int) -> Row | None:
    """Read a job's row, with what only its kind knows of it."""
    return next(iter(db.q("SELECT * FROM jobs WHERE id = ?", [id])), None) if 0 < id <= LARGEST else None


def newest(db: Any, limit: int = SHOWN) -> list[Job]:
    """Read the newest jobs, the newest first."""
    return [Job(**row) for row in db.q("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", [limit])]


def problems(db: Any, id: int, after: int = 0, limit: int = 500) -> list[Problem]:
    """Read what a job has left out, in the order of the lines, after a line."""
    sql = "SELECT line, reason FROM job_problems WHERE job = ? AND line > ? ORDER BY line LIMIT ?"
    return [Problem(**row) for row in db.q(sql, [id, after, limit])]


def last_of(db: Any, key: str) -> Row | None:
    """Read the newest job of a key."""
    return next(iter(db.q("SELECT * FROM jobs WHERE key = ? AND key != '' ORDER BY id DESC LIMIT 1", [key])), None)
