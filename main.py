"""Tidewire's live board: the table of contents. `python main.py`, then open many tabs."""

import sys

import commands

if __name__ == "__main__" and commands.asked(sys.argv[1:]):
    sys.exit(commands.main(sys.argv[1:]))  # before the board is built: what tells another of something is quick

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fasthtml.core import FastHTML, StaticNoCache
from starlette.routing import Mount

from components.page import Layout, headers
from components.tasks import Task
from guard import Guard
from settings import load
from streams import failures, health, jobs, live_things, notifications, overview, programs, stats, tasks, workers
from streams import readings as kept
from streams import readings_csv as sheets
from streams import readings_export as exported
from streams.database import Database, connect
from streams.presence import Crowd
from throttle import Throttle
from tidewire import Change, Hub, JournalUnavailable, StartupError, Tidewire, Topic, stream_routes
from tidewire.journal.sqlite import SQLiteJournal
from tidewire.keeper import Keeper

settings = load(sys.argv[1:] if __name__ == "__main__" else None, commands.HELP)

things = live_things(
    "clock",
    "counter",
    "tasks",
    "stats",
    "notifications",
    "feed",
    "jobs",
    "rooms",
    "sensors",
    "log",
    "connections",
    "signals",
    "events",
    "catalogue",
)
streams = [stream for thing in things for stream in thing.streams]


async def lifespan(board: FastHTML) -> AsyncIterator[None]:
    """Open what the live things need, and close it after the last stream has ended."""
    between = [topic for thing in things for topic in thing.between]
    topics = [stream for stream in (*streams, *between) if isinstance(stream, Topic)]
    keeper = Keeper(settings.database.with_suffix(".keeper"))
    journal = SQLiteJournal(
        settings.database,
        connect=connect,
        durability=settings.durability,
        keeper=keeper,
    )
    board.state.db = Database(settings.database)
    board.state.hub = hub = Hub(journal, topics, board.state.db)
    board.state.keeper, board.state.worker = keeper, workers.name()
    try:
        await hub.open()
    except JournalUnavailable as fault:
        raise StartupError(str(fault)) from fault
    try:
        for prepare in (programs.prepare, workers.prepare, *(thing.prepare for thing in things if thing.prepare)):
            await hub.change(prepare)
        async with workers.working(board.state, (thing.work for thing in things if thing.work)):
            yield
    finally:
        await hub.close()
        keeper.close()


def task_changed(change: Change, action: tasks.Action, task: Task) -> None:
    """Say what a change of a task causes elsewhere, in the same transaction."""
    stats.recount(change)
    if action == "complete":
        notifications.congratulate(change, task.title)


board = FastHTML(
    title="Tidewire",
    default_hdrs=False,
    hdrs=headers(),
    body_wrap=Layout,
    htmlkw={"lang": "en"},
    canonical=False,
    session_cookie="tidewire",
    secret_key=settings.secret("session.key"),
    exception_handlers=failures.handlers | jobs.handlers,
    lifespan=lifespan,
)
board.state.settings = settings
board.state.things = board.state.navigation = things
board.state.beside_tasks = (stats.thing, notifications.thing)
board.state.figures = stats.figures
board.state.tell = task_changed
board.state.kinds = {kind.name: kind for kind in (sheets.imports, exported.exports, jobs.demo)}
board.state.readings = sheets.Readings(settings.database, kept.store, kept.rows, kept.count)
board.state.crowd = Crowd()
for routes in (overview.routes, health.routes, sheets.routes, exported.routes, *(thing.routes for thing in things)):
    routes.to_app(board)
board.router.routes += [
    Mount("/static", StaticNoCache(directory=Path(__file__).parent / "static"), name="static"),
    *stream_routes(streams),
]
throttled = Throttle(board, settings.rate_limit)
hosts = [*settings.allowed_hosts, settings.host]
app = Tidewire(Guard(throttled, token=settings.secret("token"), hosts=hosts, larger=sheets.LARGER))
board.state.registry = app.registry


def run(target: str = "main:app", app: Any = app) -> None:
    """Serve the board as the settings say, until Ctrl-C."""
    settings.check_port()
    settings.export()
    print(
        f"\n  Tidewire   {settings.origin}   (Ctrl-C to stop)\n"
        f"  Data       {settings.database.resolve()}\n"
        f"  Try        curl -N {settings.origin}/sse/counter\n"
        f'             curl {settings.origin}/notifications -d "message=Hello" '
        f'-H "Authorization: Bearer $(cat {settings.token_in_a_shell})"\n',
        flush=True,
    )
    uvicorn.run(
        target if settings.reload or settings.workers > 1 else app,
        host=settings.host,
        port=settings.port,
        reload=settings.reload,
        workers=settings.workers,
        access_log=False,
        timeout_worker_healthcheck=30,  # of 5 s, a worker that takes longer to start would be killed over and over
    )


if __name__ == "__main__":
    run()
