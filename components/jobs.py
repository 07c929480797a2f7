"""Jobs: how one is drawn in a list, on its page and while it runs."""

from collections.abc import Iterable

from fastcore.xml import FT
from fasthtml.components import A, Button, Div, Li, P, Progress, Small, Span, Ul

from components.job import PROGRAM, Job
from components.live import Swap
from components.parts import Moment

SHOWN = 50
TONES = {"queued": "pending", "completed": "done", "cancelled": "closed", "interrupted": "waiting"}


def JobProgress(job: Job) -> FT:
    """Draw how far a job is: what its stream replaces while it runs."""
    bar = Progress(
        value=None if job.total is None and not job.ended else job.done,
        max=job.total or max(1, job.done),
        aria_label=f"Progress of {job.name}",
        data_state=job.state,
    )
    state = Span(job.state, cls="pill", data_state=TONES.get(job.state, job.state))
    return Div(
        Div(state, Small(figures(job)), cls="job-line"),
        bar if job.started or job.done else None,
        P(job.message, cls="job-message") if job.message else None,
    )


def figures(job: Job) -> str:
    """Say how far it is, how fast it goes, and how long it takes."""
    if job.state == "queued":
        return "waits for its turn"
    told = [f"{job.done:,} of {job.total:,}" if job.total else f"{job.done:,} done"]
    if job.rate and job.state in ("running", "completed"):
        told.append(pace(job.rate))
    if job.state == "interrupted" and job.kind == PROGRAM:
        told.append("its program says nothing any more")
    elif job.left is not None:
        told.append(f"{span(job.left)} left")
    elif job.finished and job.started:
        told.append(f"took {span(job.seconds)}")
    return " · ".join(told)


def pace(rate: float) -> str:
    """Say how fast something goes, by the second or, where that would be little, by the minute."""
    if rate < 1:
        return f"{rate * 60:.1f} a minute"
    return f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.1f} a second"


def span(seconds: float) -> str:
    """Say a time as a person would: 4 s, 2 min 5 s, 3 h 20 min."""
    if seconds < 1:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def JobActions(job: Job, **attrs: str) -> FT:
    """Offer what can be done: cancel while it lasts; run again and delete once it has ended."""
    actions = [("cancel", "Cancel")]
    if job.ended:
        again = job.kind != PROGRAM and (job.kind != "import" or bool(job.file))
        actions = [("again", "Run again")] * again + [("delete", "Delete")]
    buttons = (
        Button(
            label,
            hx_post=f"/jobs/{job.id}/{action}",
            aria_label=f"{label}: {job.name}",
            hx_disabled_elt="this",
            cls="small",
            **attrs,
        )
        for action, label in actions
    )
    file = None
    if job.file and job.state == "completed":
        told = {"href": f"/jobs/{job.id}/file", "download": job.file, "aria_label": f"Download {job.file}"}
        file = A("Download", cls="small", **told)
    return Div(file, *buttons, cls="row-actions")


def JobItem(job: Job) -> FT:
    """Draw a job of the list.

    While it runs, only what moves in it is replaced, so that no click meets a button that goes. What is only for this
    job has an event of its own: a list that does not show it is not asked to look for it.
    """
    left_out = job.problems and Small(A("See what was left out", href=f"/jobs/{job.id}#problems"), cls="job-left")
    return Swap(
        f"job-{job.id}-gone",
        Div(A(job.name, href=f"/jobs/{job.id}", cls="title"), Small(job.kind), Moment(job.created), cls="job-head"),
        Swap(f"job-{job.id}", JobProgress(job), cls="job-progress"),
        left_out or None,
        JobActions(job, hx_target=f"#job-{job.id}", hx_swap="outerHTML"),
        tag=Li,
        swap="delete",
        id=f"job-{job.id}",
        data_ended=str(job.ended).lower(),
    )


def JobList(jobs: Iterable[Job]) -> FT:
    """Draw the newest jobs, where the stream puts the next on top."""
    return Swap(
        "jobs", *map(JobItem, jobs), tag=Ul, swap="afterbegin", id="jobs", cls="items jobs", data_max=str(SHOWN)
    )


def JobPanel(jobs: Iterable[Job]) -> FT:
    """Draw the list, and what stands there while it is empty."""
    return Div(JobList(jobs), P("No job has run yet.", cls="empty"), cls="job-panel")
