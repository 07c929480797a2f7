"""A job: what a program says of it, and what its events carry."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, computed_field

State = Literal["queued", "running", "completed", "cancelled", "failed", "interrupted"]
PROGRAM = "program"  # the kind of a job that a program outside does, and tells of
SOON = 0.3  # seconds: how fast a job goes cannot be told before
NAME_LENGTH = 200
MESSAGE_LENGTH = 500
LARGEST = 2**53 - 2  # one less than a browser's JavaScript can still count: the end of a job is one step more

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
