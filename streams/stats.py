"""Stats: how many tasks are in each state; whoever is behind needs the newest figures only."""

from collections.abc import AsyncIterator
from typing import Any

from fasthtml.core import APIRouter, HtmxHeaders
from starlette.datastructures import State

from components.page import Layout
from components.stats import Stats, StatsFigures, StatsPage, StatsPanel, StatsRegion
from streams import LiveThing
from tidewire import Change, Event, sse_message, topic

routes = APIRouter(body_wrap=Layout)


def count(db: Any) -> Stats:
    """Count the tasks in each state."""
    counted = {
        row["status"]: row["number"] for row in db.q("SELECT status, count(*) AS number FROM tasks GROUP BY status")
    }
    return Stats(
        completed=counted.get("Completed", 0),
        in_progress=counted.get("In Progress", 0),
        pending=counted.get("Pending", 0),
    )


def recount(change: Change) -> None:
    """Publish the figures as a change leaves them."""
    change.publish("stats", count(change.db))


@topic("stats", Stats, snapshot=lambda db: StatsRegion(count(db)), keep="latest")
async def stats(counted: AsyncIterator[Event[Stats]]) -> AsyncIterator[str]:
    """Draw the figures anew."""
    async for event in counted:
        yield sse_message(StatsFigures(event.data), event="stats", id=event.id)


@routes("/stats", methods=["GET"])
def page(state: State, htmx: HtmxHeaders) -> Any:
    """Show the figures; htmx is given them alone."""
    after = state.hub.cursor
    counted = count(state.db)
    return StatsFigures(counted) if htmx.request else StatsPage(counted, after)


def figures(state: State) -> Any:
    """Show the figures alone, for a page that fetches them anew."""
    return StatsFigures(count(state.db))


def part(state: State) -> Any:
    """Show the figures in somebody else's stream."""
    return StatsPanel(count(state.db))


thing = LiveThing("stats", "Stats", "How far the tasks are", "/stats", routes, [stats], part=part)
