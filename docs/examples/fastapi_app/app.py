"""Tasks, stats and notifications, live in every tab: FastAPI, with Jinja templates.

pip install ../../.. fastapi jinja2 python-multipart 'uvicorn[standard]'  # ../../.. is Tidewire: a clone, or its wheel
uvicorn app:app

The template that draws the page draws every update. A change and the events that tell of it are stored together, in
tasks.db. It trusts whoever can reach it.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Form, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from pydantic import BaseModel

from tidewire import Change, Event, Hub, Tidewire, sse_message, stream_routes, topic
from tidewire.journal.sqlite import SQLiteJournal

DATABASE = "tasks.db"
NEWEST = 5  # notifications on the page
TABLES = (
    "CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS notifications (id INTEGER PRIMARY KEY, message TEXT NOT NULL)",
)

templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


def draw(template: str, **values: Any) -> Markup:
    """Render a template; as Markup, because a plain string would be escaped once more."""
    return Markup(templates.get_template(template).render(**values))


# -- Contracts: what is told, and kept


class Task(BaseModel):
    """One task."""

    id: int
    title: str
    done: bool


class Stats(BaseModel):
    """How many tasks are done."""

    done: int
    total: int


class Notification(BaseModel):
    """What everybody is told."""

    id: int
    message: str


# -- State: reads by a connection, changes by `hub.change`, which runs them and their events in one transaction


def connect(path: str = DATABASE) -> sqlite3.Connection:
    """Open the database; this connection is for reading in any thread."""
    db = sqlite3.connect(path, check_same_thread=False)
    db.row_factory = sqlite3.Row
    return db


def all_tasks(db: sqlite3.Connection) -> list[Task]:
    """Read all tasks."""
    return [Task(**row) for row in db.execute("SELECT * FROM tasks ORDER BY id")]


def count(db: sqlite3.Connection) -> Stats:
    """Count the tasks."""
    return Stats(**db.execute("SELECT coalesce(sum(done), 0) AS done, count(*) AS total FROM tasks").fetchone())


def newest(db: sqlite3.Connection) -> list[Notification]:
    """Read the newest notifications."""
    rows = db.execute("SELECT * FROM notifications ORDER BY id DESC LIMIT ?", (NEWEST,))
    return [Notification(**row) for row in rows]


def prepare(change: Change) -> None:
    """Make the tables."""
    for table in TABLES:
        change.db.execute(table)


def add(change: Change, title: str) -> None:
    """Add a task, and say so."""
    row = change.db.execute("INSERT INTO tasks (title) VALUES (?) RETURNING *", (title,)).fetchone()
    change.publish("tasks", Task(**row))
    change.publish("stats", count(change.db))


def toggle(change: Change, id: int) -> None:
    """Complete or reopen a task, and say so."""
    row = change.db.execute("UPDATE tasks SET done = NOT done WHERE id = ? RETURNING *", (id,)).fetchone()
    if row is None:
        raise HTTPException(404, f"There is no task {id}.")
    task = Task(**row)
    change.publish("tasks", task)
    change.publish("stats", count(change.db))
    if task.done:
        told = (f"Done: {task.title}",)
        row = change.db.execute("INSERT INTO notifications (message) VALUES (?) RETURNING *", told).fetchone()
        change.publish("notifications", Notification(**row))


# -- Streams: each event is drawn once, for everybody. A snapshot is for whoever was away too long to be told the rest.


@topic("tasks", Task, snapshot=lambda db: draw("tasks.html", tasks=all_tasks(db)))
async def tasks(changed: AsyncIterator[Event[Task]]) -> AsyncIterator[str]:
    """Put the task that changed."""
    async for event in changed:
        yield sse_message(draw("task.html", task=event.data), event="tasks", id=event.id)


@topic("stats", Stats, snapshot=lambda db: draw("stats.html", stats=count(db)), keep="latest")
async def stats(counted: AsyncIterator[Event[Stats]]) -> AsyncIterator[str]:
    """Draw the figures anew."""
    async for event in counted:
        yield sse_message(draw("figures.html", stats=event.data), event="stats", id=event.id)


@topic("notifications", Notification, snapshot=lambda db: draw("notifications.html", newest=newest(db), most=NEWEST))
async def notifications(told: AsyncIterator[Event[Notification]]) -> AsyncIterator[str]:
    """Put each on top."""
    async for event in told:
        yield sse_message(draw("notification.html", notification=event.data), event="notifications", id=event.id)


streams = [tasks, stats, notifications]


# -- The app


@asynccontextmanager
async def lifespan(web: FastAPI) -> AsyncIterator[None]:
    """Open the database, the journal in it, and the hub; close them after the last stream."""
    with closing(connect()) as web.state.db:
        async with Hub(SQLiteJournal(DATABASE, connect=connect), streams, web.state.db) as web.state.hub:
            await web.state.hub.change(prepare)
            yield


web = FastAPI(lifespan=lifespan)


@web.get("/", response_class=HTMLResponse)
def index() -> str:
    """Show everything live, from the cursor on that is read BEFORE the state: so nothing is missed in between."""
    after, db = web.state.hub.cursor, web.state.db
    return draw("page.html", after=after, tasks=all_tasks(db), stats=count(db), newest=newest(db), most=NEWEST)


@web.post("/tasks", response_class=HTMLResponse)
async def create(title: Annotated[str, Form(max_length=200)]) -> str:
    """Add a task; the stream brings it, to this tab too. The answer is an empty form."""
    if title := title.strip():
        await web.state.hub.change(add, title)
    return draw("form.html")


@web.post("/tasks/{id}", status_code=204)
async def act(id: int) -> None:
    """Complete or reopen a task."""
    await web.state.hub.change(toggle, id)


web.router.routes += stream_routes(streams)
app = Tidewire(web)  # outermost, so that streams stop when the server does
