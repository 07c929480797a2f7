"""Sensor readings to a CSV file: a kind of job, how it is begun, and the file that it makes."""

import asyncio
import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fasthtml.core import APIRouter, HtmxHeaders
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse

from components.job import NewJob
from components.readings_csv import BeginExport
from streams import job_records as records
from streams import job_table as table
from streams.job_answers import begun
from streams.job_runner import Kind, Run
from streams.job_table import Row
from streams.readings_csv import REST_SECONDS

PAGE = 1_000  # readings written in one go
COLUMNS = ("sensor", "time", "temperature", "humidity", "pressure")  # as an import takes them

routes = APIRouter()


@routes("/jobs/export", methods=["POST"])
async def begin_export(request: Request, state: State, htmx: HtmxHeaders) -> Any:
    """Export all readings."""
    job = await state.hub.change(records.add, NewJob(name="Export of all readings"), kind=exports.name)
    return begun(request, htmx, job)


@routes("/jobs/{id:int}/file", methods=["GET"])
def download(state: State, id: int) -> Any:
    """Give the file that a job has made."""
    job = table.find(state.db, id)
    path = exported(state.readings.folder, id)
    if job is None or not job.file or job.kind != exports.name or not path.exists():
        raise HTTPException(404)
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename=job.file)


def exported(folder: Path, id: int) -> Path:
    """Tell where the file of an export lies."""
    return folder / f"export-{id}.csv"


async def export_readings(run: Run) -> str:
    """Write all readings to a file, a page at a time."""
    path = exported(run.state.readings.folder, run.id)
    draft = path.with_suffix(".part")
    total = await asyncio.to_thread(run.state.readings.count, run.state.db)
    await asyncio.to_thread(begin_file, draft)
    run.advance(0, "writing", total=total or None)
    done = last = 0
    while True:
        written, last = await asyncio.to_thread(write_page, draft, run, last)
        if not written:
            break
        done += written
        await asyncio.sleep(REST_SECONDS)
        run.advance(done, total=max(done, total))  # more may come in meanwhile
    await asyncio.to_thread(draft.replace, path)
    run.advance(done, file=f"readings-{datetime.now(UTC):%Y-%m-%d}.csv")
    return f"{done:,} readings"


def begin_file(draft: Path) -> None:
    """Begin a file anew with the names of its columns."""
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(COLUMNS)


def write_page(draft: Path, run: Run, after: int) -> tuple[int, int]:
    """Add the next readings; tell how many, and the id of the last."""
    page = run.state.readings.rows(run.state.db, after, PAGE)
    with draft.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([row[name] for name in COLUMNS] for row in page)
    return len(page), page[-1]["id"] if page else after


def remove(state: State, row: Row) -> None:
    """Remove the file of an export, whole or not."""
    path = exported(state.readings.folder, row["id"])
    for file in (path, path.with_suffix(".part")):
        file.unlink(missing_ok=True)


exports = Kind("export", export_readings, BeginExport, forget=remove)
