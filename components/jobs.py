"""Jobs: their contract, and how one is drawn in a list, on its page and while it runs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastcore.xml import FT
from fasthtml.components import A, Button, Div, Li, P, Progress, Small, Span, Ul
from pydantic import BaseModel, Field, StringConstraints, computed_field

from components.live import Swap
from components.parts import Moment

State = Literal["queued", "running", "completed", "cancelled", "failed", "interrupted"]
PROGRAM = "program"  # the kind of a job that a program outside does, and tells of
SHOWN = 50
SOON = 0.3  # seconds: how fast a job goes cannot be told before
NAME_LENGTH = 200
MESSAGE_LENGTH = 500
LARGEST = 2**53 - 2  # one less than a browser's JavaScript can still count: the end of a job is one step more
TONES = {"queued": "pending", "completed": "done", "cancelled": "closed", "interrupted": "waiting"}

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH)]
Message = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MESSAGE_LENGTH)]
Steps = Annotated[int, Field(ge=0, le=LARGEST)]


class NewJob(BaseModel):
    """What a program begins."""

    name: Name = Field(description="what it is", examples=["Nightly build"])
    total: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        default=None, description="steps in all; none where nobody knows yet", examples=[120]
    )
    message: Message = Field(default="", description="what it is at", examples=["compiling"])


class JobUpdate(BaseModel):
    """What a program says of its job; what it does not say stays as it was."""

    done: Steps | None = Field(default=None, description="steps done", examples=[42])
    total: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(default=None, description="steps in all")
    message: Message | None = Field(default=None, description="what it is at", examples=["linking"])
    state: Literal["running", "completed", "cancelled", "failed"] | None = Field(
        default=None, description="how it stands", examples=["running"]
    )


class Job(NewJob):
    """One job, as it stands."""

    id: int = Field(description="its number", examples=[7])
    kind: str = Field(description="what does it: program, demo, import, export", examples=[PROGRAM])
    done: Steps = Field(description="steps done", examples=[42])
    state: State = Field(description="how it stands", examples=["running"])
    worker: str = Field("", description="the board's process that does it")
    base: Steps = Field(0, description="steps that were done when it began, by an earlier job")
    problems: int = Field(0, ge=0, description="what was left out, each with its line and reason", examples=[0])
    file: str = Field("", description="the name of the file that it reads or has made, while that is kept")
    revision: int = Field(0, ge=0, description="how often it has changed")
    created: datetime = Field(description="when it was asked for, in UTC")
    started: datetime | None = Field(None, description="when it began to run, in UTC")
    changed: datetime = Field(description="when it changed last, in UTC")
    finished: datetime | None = Field(None, description="when it ended, in UTC")

    @property
    def ended(self) -> bool:
        """Tell whether it is over for good; a program may go on with what was interrupted."""
        return self.state not in ("queued", "running") and not (self.state == "interrupted" and self.kind == PROGRAM)

    @property
    def seconds(self) -> float:
        """Tell how long it has run."""
        return max(0.0, ((self.finished or self.changed) - self.started).total_seconds()) if self.started else 0.0

    @computed_field(description="steps a second since it began; none where it cannot be told yet")  # type: ignore[prop-decorator]
    @property
    def rate(self) -> float | None:
        """Tell how fast it goes."""
        return (self.done - self.base) / self.seconds if self.seconds > SOON and self.done > self.base else None

    @computed_field(description="seconds left at this rate; none where it cannot be told")  # type: ignore[prop-decorator]
    @property
    def left(self) -> float | None:
        """Tell how long it will still take."""
        return (self.total - self.done) / self.rate if self.state == "running" and self.total and self.rate else None


class JobNews(Job):
    """A job that has changed; `moved` where it only went on."""

    moved: bool = Field(False, description="whether it only went on: how it stands is as before")


class Problem(BaseModel):
    """What a job has left out."""

    line: int
    reason: str


def still_told(jobs: Iterable[Job]) -> int | None:
    """Find, in what is shown, a job of a program that it may go on with: for an example that works when pasted."""
    return next((job.id for job in jobs if job.kind == PROGRAM and not job.ended), None)


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
