"""Jobs: what takes a while, told as it goes on, of the board's own and of any program."""

import asyncio
from typing import Any

from fasthtml.core import APIRouter, HtmxHeaders
from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from components.job import JobUpdate, NewJob, still_told
from components.job_pages import BeginDemo, JobPage, JobsPage
from components.jobs import JobItem, JobPanel
from components.page import Layout
from streams import LiveThing, fragment
from streams import job_records as records
from streams import job_table as table
from streams.job_answers import begun, said
from streams.job_answers import handlers as handlers
from streams.job_changes import TELL_SECONDS, tell
from streams.job_runner import Kind, Run, forget, work
from streams.job_streams import jobs, of_one
from streams.programs import answer_once, invalid_answer

DEMO_STEPS = 100
DEMO_SECONDS = 0.1  # a step
PAGE = 1_000  # lines of a file

routes = APIRouter(body_wrap=Layout)


# -- Pages


@routes("/jobs", methods=["GET"])
def page(request: Request, state: State, htmx: HtmxHeaders) -> Any:
    """Show the newest jobs; htmx is given the list alone."""
    after = state.hub.cursor
    newest = table.newest(state.db)
    if htmx.request:
        return JobPanel(newest)
    return JobsPage(newest, [kind.begin() for kind in state.kinds.values()], after, str(request.base_url))


@routes("/jobs/{id:int}", methods=["GET"])
def one(request: Request, state: State, id: int) -> Any:
    """Show a job; a program that accepts JSON is given that."""
    job = table.find(state.db, id)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(said(request, job), 200) if job else JSONResponse({"error": f"no job {id}"}, 404)
    if job is None:
        raise HTTPException(404)
    return JobPage(job, table.problems(state.db, id), str(request.base_url))


@routes("/jobs/{id:int}/problems.csv", methods=["GET"])
def problems(state: State, id: int) -> Any:
    """Give all that a job has left out, as a file."""
    if table.find(state.db, id) is None:
        raise HTTPException(404)

    def lines() -> Any:
        yield "line,reason\r\n"
        after = 0
        while found := table.problems(state.db, id, after, PAGE):
            after = found[-1].line
            quoted = ((one.line, one.reason.replace('"', '""')) for one in found)
            yield "".join(f'{line},"{reason}"\r\n' for line, reason in quoted)

    headers = {"Content-Disposition": f'attachment; filename="left-out-{id}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


# -- Programs


@routes("/jobs", methods=["POST"])
async def begin(request: Request, state: State, data: dict) -> Any:  # type: ignore[type-arg]
    """Begin a job of a program; its number, and where it is to be seen, is the answer."""
    try:
        new = NewJob.model_validate(data)
    except ValidationError as invalid:
        return invalid_answer(invalid)
    return await answer_once(request, state.hub, lambda change: said(request, records.add(change, new)))


@routes("/jobs/{id:int}", methods=["POST"])
async def go_on(request: Request, state: State, id: int, data: dict) -> Any:  # type: ignore[type-arg]
    """Take how far a program's job is."""
    try:
        update = JobUpdate.model_validate(data)
    except ValidationError as invalid:
        return invalid_answer(invalid)
    job, told = await state.hub.change(records.update, id, update)
    later = None if told else BackgroundTask(tell_later, state, id)
    return JSONResponse(said(request, job), background=later)


async def tell_later(state: State, id: int) -> None:
    """Tell the last of many quick steps."""
    await asyncio.sleep(TELL_SECONDS)
    await state.hub.change(tell, id)


# -- What people do; a program may do it too


@routes("/jobs/demo", methods=["POST"])
async def begin_demo(request: Request, state: State, htmx: HtmxHeaders) -> Any:
    """Begin a demo."""
    new = NewJob(name="Demo: counts to 100", total=DEMO_STEPS)
    job = await state.hub.change(records.add, new, kind=demo.name)
    return fragment() if htmx.request else begun(request, htmx, job)


@routes("/jobs/{id:int}/cancel", methods=["POST"])
async def cancel(request: Request, state: State, htmx: HtmxHeaders, id: int) -> Any:
    """Cancel a job."""
    job = await state.hub.change(records.cancel, id)
    return fragment(JobItem(job)) if htmx.request else JSONResponse(said(request, job))


@routes("/jobs/{id:int}/again", methods=["POST"])
async def again(request: Request, state: State, htmx: HtmxHeaders, id: int) -> Any:
    """Run an ended job again, as a new one; a person is led to it."""
    resuming = [kind.name for kind in state.kinds.values() if kind.resumes]
    return begun(request, htmx, await state.hub.change(records.again, id, resuming))


@routes("/jobs/{id:int}/delete", methods=["POST"])
async def delete(request: Request, state: State, htmx: HtmxHeaders, id: int) -> Any:
    """Delete an ended job, and its file."""
    row = await state.hub.change(records.delete, id)
    await asyncio.to_thread(forget, state, row)
    if not htmx.request:
        return JSONResponse({"id": id, "deleted": True})
    here = (htmx.current_url or "").endswith(f"/jobs/{id}")  # its own page, which is no more
    return fragment(headers={"HX-Redirect": "/jobs"} if here else {})


# -- The demo


async def count(run: Run) -> str:
    """Count, and do nothing else."""
    for step in range(1, DEMO_STEPS + 1):
        await asyncio.sleep(DEMO_SECONDS)
        run.advance(step, "A demonstration: it only counts.")
    return f"A demonstration: it has counted to {DEMO_STEPS}, and done nothing else."


demo = Kind("demo", count, BeginDemo)


def part(state: State) -> Any:
    """Show the newest jobs in somebody else's stream."""
    return JobPanel(table.newest(state.db))


def example(db: Any) -> dict[str, int]:
    """Give the number of a job, where there is one; a program's that still runs first."""
    newest = table.newest(db)
    return {"id": still_told(newest) or newest[0].id} if newest else {}


thing = LiveThing(
    "jobs",
    "Jobs",
    "What takes a while, as it goes on",
    "/jobs",
    routes,
    [jobs, *of_one],
    part=part,
    prepare=table.prepare,
    accepts={"/jobs": NewJob, "/jobs/{id:int}": JobUpdate},
    example=example,
    work=work,
)
