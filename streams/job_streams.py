"""How jobs go on, live: a topic of all of them, and a stream of each that ends with it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from components.job import Job, JobNews
from components.job_pages import JobView
from components.jobs import JobItem, JobList, JobProgress
from streams import job_table as table
from tidewire import Event, Retention, per_tab, sse_message, topic
from tidewire.routes import last_number

LOOK_SECONDS = 5.0  # after which a stream looks at its job itself


@topic("jobs", JobNews, snapshot=lambda db: JobList(table.newest(db)), retention=Retention(count=500, age=24 * 3600.0))
async def jobs(changed: AsyncIterator[Event[JobNews]]) -> AsyncIterator[str]:
    """Put each job whose state has changed; of one that only went on (`job-<id>`), what moves; `job-<id>-gone`."""
    async for event in changed:
        job = event.data
        if event.removed:
            yield sse_message(event=f"job-{job.id}-gone", id=event.id)
        elif job.moved:
            yield sse_message(JobProgress(job), event=f"job-{job.id}", id=event.id)
        else:
            yield sse_message(JobItem(job), event="jobs", id=event.id)


def nothing_to_tell(request: Request) -> Response | None:
    """Answer 404 for a job that is not there, 204 to whoever has been told the end: a browser then stays away."""
    job = table.find(request.app.state.db, request.path_params["id"])
    if job is None:
        return JSONResponse({"error": f"no job {request.path_params['id']}"}, 404)
    return Response(status_code=204) if job.ended and last_number(request.scope) > job.done else None


async def progress(id: str, request: Request) -> AsyncIterator[str]:
    """Tell how far a job is, the present state at once (`progress`, id: its step), and its end once (`complete`)."""
    state, plain, seen = request.app.state, request.query_params.get("format") == "json", -1
    news = state.hub.listen("jobs", idle=LOOK_SECONDS)  # from here on: what is read after it is repeated, not missed
    job = await asyncio.to_thread(table.find, state.db, id)
    while job is not None and not job.ended:
        if job.revision > seen:
            seen = job.revision
            yield sse_message(job if plain else JobProgress(job), event="progress", id=job.done)
        job = await following(news, job, state.db)
    if job is not None:
        yield await asyncio.to_thread(complete, state.db, job, plain)


def complete(db: Any, job: Job, plain: bool) -> str:
    """Tell the end of a job. Hundreds of problems take a while to draw, and each tab has a stream: so in a thread."""
    return sse_message(job if plain else JobView(job, table.problems(db, job.id)), event="complete", id=job.done + 1)


async def following(news: AsyncGenerator[Event[JobNews] | None, None], job: Job, db: Any) -> Job | None:
    """Wait for what is next told of a job; None once it is deleted."""
    async for event in news:
        if event is None:
            return await asyncio.to_thread(table.find, db, job.id)
        if event.data.id == job.id:
            return None if event.removed else event.data
    return None


of_one = [
    per_tab(f"{name}/{{id}}", events=("progress", "complete"), contract=Job, instead=nothing_to_tell)(progress)
    for name in ("jobs", "progress", "tasks")
]
