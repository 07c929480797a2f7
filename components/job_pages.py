"""The pages of jobs: all of them, and one by itself, live until it ends."""

from collections.abc import Iterable, Sequence
from typing import Any

from fastcore.xml import FT
from fasthtml.components import H2, A, Button, Div, Form, Li, P, Section, Span, Ul

from components.job import Job, Problem, still_told
from components.jobs import JobActions, JobPanel, JobProgress
from components.live import Live, PauseButton, Swap
from components.parts import Command, Moment, PageHead, PageTitle, Panel


def JobsPage(jobs: Sequence[Job], begin: Iterable[FT], after: str, origin: str) -> tuple[FT, ...]:
    """Show the newest jobs live, from the cursor `after` on; `begin` is how a person begins one of each kind."""
    url, token = origin.rstrip("/"), '-H "Authorization: Bearer $(cat data/token)"'
    theirs = f"{url}/jobs/{still_told(jobs) or 1}"
    return (
        PageTitle("Jobs"),
        PageHead(
            "Jobs", "What takes a while: how far it is, how fast it goes, and how long it will take, in every tab."
        ),
        Div(*begin, cls="job-begin"),
        Live(f"/sse/jobs?after={after}", Panel(JobPanel(jobs), caption="/sse/jobs", actions=PauseButton("jobs"))),
        Section(
            H2("A job of your own program"),
            P(
                "It begins a job, is given its number, and says how far it is. Once somebody has cancelled the job "
                "here, the answer says so."
            ),
            Command(f'curl {url}/jobs {token} -d "name=Nightly build" -d total=120'),
            Command(f'curl {theirs} {token} -d done=42 -d "message=compiling"'),
            Command(f"curl {theirs} {token} -d state=completed"),
            cls="job-program",
        ),
    )


def JobPage(job: Job, problems: Iterable[Problem], origin: str) -> tuple[FT, ...]:
    """Show one job, live until it ends."""
    source = f"/sse/jobs/{job.id}"
    about = (f"Job {job.id}, {job.kind}, asked for at ", Moment(job.created), ". ", A("All jobs", href="/jobs"))
    return (
        PageTitle(job.name),
        PageHead(job.name, *about),
        Panel(LiveJob(job, problems), caption=source, actions=None if job.ended else PauseButton("job")),
        Section(
            H2("Read it anywhere"),
            P("Each step is an event, and the last one, named complete, ends the stream."),
            Command(f"curl -N {origin.rstrip('/')}{source}"),
        ),
    )


def LiveJob(job: Job, problems: Iterable[Problem] = ()) -> FT:
    """Draw a job live until it ends: its `complete` closes the stream."""
    if job.ended:
        return JobView(job, problems)
    return Live(f"/sse/jobs/{job.id}", Swap("complete", JobView(job)), close="complete", id="job")


def JobView(job: Job, problems: Iterable[Problem] = ()) -> FT:
    """Draw a job on its own page: what moves in it while it runs, what came of it once it has ended."""
    moving = JobProgress(job) if job.ended else Swap("progress", JobProgress(job))
    left_out = JobProblems(job, problems) if job.problems and job.ended else None
    return Div(moving, JobActions(job, hx_swap="none"), left_out, cls="job-view")


def JobProblems(job: Job, problems: Iterable[Problem]) -> FT:
    """List what was left out, with a file of all of it."""
    shown = [Li(Span(f"Line {one.line:,}", cls="job-place"), Span(one.reason, cls="title")) for one in problems]
    more = f" The first {len(shown):,} of them:" if len(shown) < job.problems else ""
    file = A("All as CSV", href=f"/jobs/{job.id}/problems.csv", download=f"left-out-{job.id}.csv")
    return Div(
        H2(f"{job.problems:,} left out"),
        P(file, more),
        Ul(*shown, cls="items job-problems", tabindex=0, aria_label="What was left out"),
        id="problems",
    )


def Begin(title: str, about: Any, action: str, label: str, *fields: Any, **attrs: Any) -> FT:
    """Ask whether to begin a job, and for what it needs; what is wrong with that is told without losing it."""
    return Form(
        H2(title),
        P(about),
        *fields,
        Div(id=f"{action}-faults", cls="fault", role="alert"),
        Button(label),
        hx_post=f"/jobs/{action}",
        hx_target=f"#{action}-faults",
        hx_disabled_elt="find button",
        **attrs,
    )


def BeginDemo() -> FT:
    """Offer the demo."""
    return Begin("Demo", "Counts to 100 and does nothing else: to see how a job looks.", "demo", "Start the demo")
