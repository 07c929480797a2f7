"""Stats: how many tasks are in each state."""

from fastcore.xml import FT
from fasthtml.components import Dd, Div, Dl, Dt, Label, Progress
from pydantic import BaseModel, Field, NonNegativeInt

from components.live import Live, Swap
from components.parts import PageHead, PageTitle, Panel


class Stats(BaseModel):
    """How many tasks are in each state."""

    completed: NonNegativeInt = Field(0, description="tasks that are completed")
    in_progress: NonNegativeInt = Field(0, description="tasks that are in progress")
    pending: NonNegativeInt = Field(0, description="tasks that are pending")

    @property
    def total(self) -> int:
        """All of them."""
        return self.completed + self.in_progress + self.pending


def StatsFigures(stats: Stats) -> FT:
    """Draw the figures, and how much is done as a bar."""
    figures = {
        "Completed": stats.completed,
        "In progress": stats.in_progress,
        "Pending": stats.pending,
        "Total": stats.total,
    }
    done = f"{stats.completed} of {stats.total} completed"
    return Div(
        Dl(*(Div(Dt(name), Dd(number)) for name, number in figures.items()), cls="stats"),
        Label(done, Progress(value=stats.completed, max=max(1, stats.total)), cls="bar-label"),
    )


def StatsRegion(stats: Stats) -> FT:
    """Draw the figures where the stream replaces them."""
    return Swap("stats", StatsFigures(stats), id="stats")


def StatsPanel(stats: Stats) -> FT:
    """Frame the figures."""
    return Panel(StatsRegion(stats), caption="/sse/stats")


def StatsPage(stats: Stats, after: str) -> tuple[FT, ...]:
    """Show the stats live, from the cursor `after` on."""
    return (
        PageTitle("Stats"),
        PageHead("Stats", "How far the tasks are. Only the newest figures count: whoever was away is told just those."),
        Live(f"/sse/stats?after={after}", StatsPanel(stats)),
    )
