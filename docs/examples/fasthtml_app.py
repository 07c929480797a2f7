"""Tasks, stats and notifications, live in every tab: a FastHTML app of one file.

pip install ../.. python-fasthtml fastlite 'uvicorn[standard]'  # ../.. is Tidewire: a clone of it, or its wheel
uvicorn fasthtml_app:app

What draws the page draws every update: no JavaScript is written, and nothing is loaded from elsewhere. A change and
the events that tell of it are stored together, in tasks.db. It trusts whoever can reach it.
"""

from collections.abc import AsyncIterator
from typing import Any

from fasthtml.common import (
    H1,
    H2,
    Button,
    Div,
    FastHTML,
    Form,
    Input,
    Li,
    Main,
    Meta,
    P,
    Progress,
    Script,
    Section,
    Small,
    Span,
    Style,
    Ul,
)
from fastlite import database
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from tidewire import SCRIPTS, Change, Event, Hub, Tidewire, sse_message, stream_routes, topic
from tidewire.journal.sqlite import SQLiteJournal

DATABASE = "tasks.db"
NEWEST = 5  # notifications on the page
CSS = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; accent-color: #0b7a75; }
body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
ul { list-style: none; padding: 0; }
li, form { display: flex; gap: .75rem; align-items: center; padding: .375rem 0; }
li > span, input { flex: 1; min-width: 0; overflow-wrap: anywhere; }
input, button { font: inherit; padding: .375rem .75rem; }
progress { width: 100%; }
.done > span { text-decoration: line-through; }
"""


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


# -- Components: values in, markup out. Each has an id, by which what is already in the page is replaced.


def TaskItem(task: Task) -> Any:
    """Draw a task."""
    act = Button("Reopen" if task.done else "Done", hx_post=f"/tasks/{task.id}", hx_swap="none")
    return Li(Span(task.title), act, id=f"task-{task.id}", cls="done" if task.done else None)


def TaskList(tasks: list[Task]) -> Any:
    """Draw all tasks, where each that comes or changes is put."""
    return Ul(*map(TaskItem, tasks), id="tasks", sse_swap="tasks", hx_swap="beforeend")


def TaskForm() -> Any:
    """Ask for a task."""
    field = Input(name="title", aria_label="New task", placeholder="What is to be done?", required=True, maxlength=200)
    return Form(field, Button("Add"), hx_post="/tasks", hx_swap="outerHTML")


def StatsFigures(stats: Stats) -> Any:
    """Draw how far the tasks are."""
    bar = Progress(value=stats.done, max=max(stats.total, 1), aria_label="Done")
    return P(f"{stats.done} of {stats.total} done"), bar


def StatsRegion(stats: Stats) -> Any:
    """Draw the figures, where the next ones take their place."""
    return Div(*StatsFigures(stats), id="stats", sse_swap="stats")


def NotificationItem(notification: Notification) -> Any:
    """Draw a notification."""
    return Li(notification.message, id=f"notification-{notification.id}")


def NotificationList(newest: list[Notification]) -> Any:
    """Draw the newest, where the next goes on top and the oldest leaves."""
    items = map(NotificationItem, newest)
    return Ul(*items, id="notifications", sse_swap="notifications", hx_swap="afterbegin", data_max=NEWEST)


# -- State: reads by `db`, changes by `hub.change`, which runs them and their events in one transaction


def all_tasks(db: Any) -> list[Task]:
    """Read all tasks."""
    return [Task(**row) for row in db.t.tasks(order_by="id")]


def count(db: Any) -> Stats:
    """Count the tasks."""
    return Stats(done=db.t.tasks.count_where("done"), total=db.t.tasks.count)


def newest(db: Any) -> list[Notification]:
    """Read the newest notifications."""
    return [Notification(**row) for row in db.t.notifications(order_by="id DESC", limit=NEWEST)]


def prepare(change: Change) -> None:
    """Make the tables."""
    change.db.t.tasks.create(id=int, title=str, done=bool, pk="id", if_not_exists=True)
    change.db.t.notifications.create(id=int, message=str, pk="id", if_not_exists=True)


def add(change: Change, title: str) -> None:
    """Add a task, and say so."""
    change.publish("tasks", Task(**change.db.t.tasks.insert(title=title, done=False)))
    change.publish("stats", count(change.db))


def toggle(change: Change, id: int) -> None:
    """Complete or reopen a task, and say so."""
    row = next(iter(change.db.t.tasks("id = ?", (id,))), None)
    if row is None:
        raise HTTPException(404, f"There is no task {id}.")
    task = Task(**row)
    task.done = not task.done
    change.db.t.tasks.update(task.model_dump())
    change.publish("tasks", task)
    change.publish("stats", count(change.db))
    if task.done:
        notification = change.db.t.notifications.insert(message=f"Done: {task.title}")
        change.publish("notifications", Notification(**notification))


# -- Streams: each event is drawn once, for everybody. A snapshot is for whoever was away too long to be told the rest.


@topic("tasks", Task, snapshot=lambda db: TaskList(all_tasks(db)))
async def tasks(changed: AsyncIterator[Event[Task]]) -> AsyncIterator[str]:
    """Put the task that changed."""
    async for event in changed:
        yield sse_message(TaskItem(event.data), event="tasks", id=event.id)


@topic("stats", Stats, snapshot=lambda db: StatsRegion(count(db)), keep="latest")
async def stats(counted: AsyncIterator[Event[Stats]]) -> AsyncIterator[str]:
    """Draw the figures anew."""
    async for event in counted:
        yield sse_message(StatsFigures(event.data), event="stats", id=event.id)


@topic("notifications", Notification, snapshot=lambda db: NotificationList(newest(db)))
async def notifications(told: AsyncIterator[Event[Notification]]) -> AsyncIterator[str]:
    """Put each on top."""
    async for event in told:
        yield sse_message(NotificationItem(event.data), event="notifications", id=event.id)


# -- The app


async def lifespan(web: FastHTML) -> AsyncIterator[None]:
    """Open the database, the journal in it, and the hub; close them after the last stream."""
    web.state.db = database(DATABASE)
    journal = SQLiteJournal(DATABASE, connect=database)
    async with Hub(journal, [tasks, stats, notifications], web.state.db) as web.state.hub:
        await web.state.hub.change(prepare)
        yield


web = FastHTML(
    title="Tasks",
    default_hdrs=False,  # they would load htmx and more from elsewhere
    hdrs=[
        Meta(charset="utf-8"),
        Meta(name="viewport", content="width=device-width, initial-scale=1"),
        *(Script(src=src, defer=True) for src in SCRIPTS),  # htmx, its extension, live.js: from the package
        Style(CSS),
    ],
    htmlkw={"lang": "en"},
    lifespan=lifespan,
)


@web.route("/", methods=["GET"])
def index() -> Any:
    """Show everything live, from the cursor on that is read BEFORE the state: so nothing is missed in between."""
    hub, db = web.state.hub, web.state.db
    live = f"/sse/live?topic=tasks&topic=stats&topic=notifications&after={hub.cursor}"
    return Main(
        H1("Tasks"),
        Small("This page is ", Span("connecting", data_live_badge=True), "."),
        TaskForm(),
        TaskList(all_tasks(db)),
        Section(H2("Stats"), StatsRegion(count(db))),
        Section(H2("Notifications"), NotificationList(newest(db))),
        hx_ext="sse",
        sse_connect=live,
    )


@web.route("/tasks", methods=["POST"])
async def create(title: str) -> Any:
    """Add a task; the stream brings it, to this tab too. The answer is an empty form."""
    if title := title.strip()[:200]:
        await web.state.hub.change(add, title)
    return TaskForm()


@web.route("/tasks/{id}", methods=["POST"])
async def act(id: int) -> Any:
    """Complete or reopen a task."""
    await web.state.hub.change(toggle, id)


web.router.routes += stream_routes([tasks, stats, notifications])
app = Tidewire(web)  # outermost, so that streams stop when the server does
