"""Sensor readings from CSV files: a kind of job, and how it is begun.

An import stores its rows together with its place in the file, in one transaction; so run again after a cancel, a kill
or a stop, it goes on exactly after the last row that was stored. A file is known by its content: sent again, it goes
on from its job, or is refused where that is done.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from fasthtml.core import APIRouter, HtmxHeaders
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import State, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from components.job import NAME_LENGTH, Job, NewJob, Problem
from components.readings import SensorName
from components.readings_csv import LARGEST_FILE, UNNAMED, BeginImport
from streams import job_claims as claims
from streams import job_records as records
from streams.csv_lines import BLOCK, Malformed, Part, Sheet, look, read
from streams.job_answers import begun
from streams.job_records import Refused
from streams.job_runner import Failed, Kind, Run
from streams.job_table import Row, last_of
from tidewire import Change

SLICE = 250  # lines read in one go, in a thread: a few milliseconds, in which the loop is waited for
SLICES = 4  # a transaction: the journal's thread is held for some 10 ms
REST_SECONDS = 0.01  # after each part: about a third of the time is others', so that pages are drawn meanwhile
LEFT_SECONDS = 2 * 24 * 3600.0  # after which a file that no job has removed is
LARGER = {"/jobs/import": LARGEST_FILE + 64 * 1024}  # bytes of a request, for the guard

Store = Callable[..., int]
Rows = Callable[[Any, int, int], list[Row]]

routes = APIRouter()
sensor_name: TypeAdapter[str] = TypeAdapter(SensorName)


class Readings:
    """The readings of the board, as jobs store, read and count them, and the folder for files of them."""

    def __init__(self, database: Path, store: Store, rows: Rows, count: Callable[[Any], int]) -> None:
        self.folder = database.parent / "files"
        self.store, self.rows, self.count = store, rows, count


@routes("/jobs/import", methods=["POST"])
async def begin_import(request: Request, state: State, htmx: HtmxHeaders, data: dict) -> Any:  # type: ignore[type-arg]
    """Import readings from an uploaded CSV file (multipart/form-data: `file`, and `sensor` where no column says it)."""
    file = data.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return wrong(htmx, "file", "expected a CSV file, as multipart/form-data")
    try:
        sensor = sensor_name.validate_python(data.get("sensor") or UNNAMED)
        key, sheet = await asyncio.to_thread(take, file.file, state.readings.folder, sensor)
    except Malformed as fault:
        return wrong(htmx, "file", str(fault))
    except ValidationError as invalid:
        return wrong(htmx, "sensor", invalid.errors()[0]["msg"].removeprefix("Value error, "))
    name = Path(file.filename).name[: NAME_LENGTH - 10]
    try:
        job = await state.hub.change(add, NewJob(name=f"Import of {name}", total=sheet.lines), key, name, sensor)
    except Refused:
        await asyncio.to_thread(forget, state, {"key": key})
        raise
    return begun(request, htmx, job)


def wrong(htmx: HtmxHeaders, field: str, said: str) -> Response:
    """Say what is wrong with a field, to a form that keeps what was chosen, or to a program."""
    return PlainTextResponse(f"{field}: {said}", 422) if htmx.request else JSONResponse({"errors": {field: said}}, 422)


def take(upload: BinaryIO, folder: Path, sensor: str) -> tuple[str, Sheet]:
    """Keep an uploaded file under the name of its content; raise Malformed, and keep nothing, where it is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tidy(folder)
    draft = folder / f"{secrets.token_hex(8)}.part"
    digest = hashlib.sha256(f"{sensor}\n".encode())
    try:
        with draft.open("wb") as kept:
            while block := upload.read(BLOCK):
                digest.update(block)
                kept.write(block)
        sheet = look(draft)
        draft.replace(uploaded(folder, digest.hexdigest()))
    finally:
        draft.unlink(missing_ok=True)
    return digest.hexdigest(), sheet


def uploaded(folder: Path, key: str) -> Path:
    """Tell where the uploaded file of a job lies."""
    return folder / f"import-{key}.csv"


def tidy(folder: Path) -> None:
    """Remove what was left by a process that died."""
    for file in folder.iterdir():
        with suppress(FileNotFoundError):  # it had another name a moment ago
            if file.stat().st_mtime < time.time() - LEFT_SECONDS:
                file.unlink()


def add(change: Change, new: NewJob, key: str, name: str, sensor: str) -> Job:
    """Add the import of a file, which goes on from where an earlier one of the same content stopped."""
    before = last_of(change.db, key)
    if before and before["state"] == "completed":
        raise Refused(
            409,
            f"This very file was imported by job {before['id']}: nothing is stored twice. "
            "Delete that job to import it once more.",
            job=Job(**before),
        )
    return records.add(change, new, kind=imports.name, key=key, before=before, file=name, sensor=sensor)


async def import_readings(run: Run) -> str:
    """Store the readings of a file, some lines in one transaction, and list the lines that are none."""
    path = uploaded(run.state.readings.folder, run.key)
    try:
        sheet = await asyncio.to_thread(look, path)
    except (FileNotFoundError, Malformed) as gone:
        raise Failed("Its file is no longer kept: send it again.") from gone
    place = {"offset": sheet.begins, "line": 1, "kept": 0} | run.data
    before = place["kept"]
    while True:
        part = Part(place["offset"], place["line"])
        for _ in range(SLICES):
            more = await asyncio.to_thread(read, sheet, part.offset, part.line, SLICE, place["sensor"])
            part.join(more)
        if part.line == place["line"]:
            break
        await run.step(partial(keep, run=run, part=part))
        place = run.data
        await asyncio.sleep(REST_SECONDS)
    await asyncio.to_thread(path.unlink, missing_ok=True)
    run.advance(run.done, file="")
    return outcome(place["kept"], run.problems, before)


def keep(change: Change, run: Run, part: Part) -> dict[str, Any]:
    """Store a part of a file, and say how far the job is then."""
    kept, refused = stored(change, run.state.readings.store, part, run.data.get("kept", 0))
    found = [*part.problems, *refused]
    claims.leave_out(change, run.id, found, run.problems)
    kept += run.data.get("kept", 0)
    problems = run.problems + len(found)
    return {
        "done": part.line - 1,
        "message": outcome(kept, problems),
        "problems": problems,
        "data": run.data | {"offset": part.offset, "line": part.line, "kept": kept},
    }


def stored(change: Change, store: Store, part: Part, earlier: int) -> tuple[int, list[Problem]]:
    """Store readings; where there is no room for a sensor, all but its own."""
    try:
        return store(change, part.readings, earlier=earlier), []
    except ValueError:
        kept, refused = 0, []
    for name in dict.fromkeys(one.sensor for one in part.readings):
        theirs = [one for one in part.readings if one.sensor == name]
        try:
            kept += store(change, theirs, earlier=earlier + kept)
        except ValueError as full:
            lines = (line for line, one in zip(part.numbers, part.readings, strict=True) if one.sensor == name)
            refused += [Problem(line=line, reason=str(full)) for line in lines]
    return kept, refused


def outcome(kept: int, problems: int, before: int = 0) -> str:
    """Say what has come of a file."""
    earlier = f" ({before:,} of them before)" if before else ""
    return f"{kept:,} kept{earlier}, {problems:,} left out"


def forget(state: State, row: Row) -> None:
    """Remove the file of a job, unless another has taken it over."""
    other = last_of(state.db, row["key"])
    if row["key"] and not (other and other["file"]):
        uploaded(state.readings.folder, row["key"]).unlink(missing_ok=True)


imports = Kind("import", import_readings, BeginImport, resumes=True, forget=forget)
