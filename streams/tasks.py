"""Tasks: one list for everybody, in SQLite; each change and its events are one."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from fasthtml.components import Template
from fasthtml.core import APIRouter, HtmxHeaders
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.exceptions import HTTPException

from components.live import Live
from components.page import Layout
from components.parts import PageTitle
from components.tasks import NewTask, Status, Task, TaskForm, TaskGone, TaskRow, TaskRows, TasksPage, TaskTable
from streams import LiveThing, fragment
from streams.database import held
from streams.programs import faults
from tidewire import Change, Event, sse_message, topic

Action = Literal["add", "start", "complete", "reopen", "delete"]
Tell = Callable[[Change, Action, Task], None]  # what a change of a task causes elsewhere; main.py knows what
BECOMES: dict[str, Status] = {"start": "In Progress", "complete": "Completed", "reopen": "Pending"}
SEEDS = {"Learn HTMX": "In Progress", "Master FastHTML": "Pending", "Build a live app": "Pending"}

routes = APIRouter(body_wrap=Layout)


def prepare(change: Change) -> None:
    """Make the table, with something to do in it."""
    if "tasks" not in change.db.t:
        change.db.t.tasks.create(id=int, title=str, status=str, pk="id", not_null={"title", "status"})
        change.db.t.tasks.insert_all({"title": title, "status": status} for title, status in SEEDS.items())


def all_tasks(db: Any) -> list[Task]:
    """Read all tasks, the oldest first."""
    return [Task(**row) for row in db.t.tasks(order_by="id")]


def add(change: Change, new: NewTask, tell: Tell) -> Task:
    """Add a task, and say so."""
    task = Task(**change.db.t.tasks.insert(title=new.title, status="Pending"))
    change.publish("tasks", task)
    tell(change, "add", task)
    return task


def act(change: Change, action: Action, id: int, tell: Tell) -> Task:
    """Do something to a task, and say so; nothing is said where nothing changes."""
    row = next(iter(change.db.t.tasks("id = ?", (held(id),))), None)
    if row is None:
        raise HTTPException(404, f"There is no task {id}.")
    task = Task(**row)
    if action == "delete":
        change.db.t.tasks.delete(id)
    elif task.status == BECOMES[action]:
        return task
    else:
        task = task.model_copy(update={"status": BECOMES[action]})
        change.db.t.tasks.update(task.model_dump())
    change.publish("tasks", task, remove=action == "delete")
    tell(change, action, task)
    return task


@topic("tasks", Task, snapshot=lambda db: TaskRows(all_tasks(db)))
async def tasks(changed: AsyncIterator[Event[Task]]) -> AsyncIterator[str]:
    """Put the row of each task that changed, or take it away."""
    async for event in changed:
        row = TaskGone(event.data) if event.removed else TaskRow(event.data)
        yield sse_message(row, event="tasks", id=event.id)


@routes("/tasks", methods=["GET"])
def page(state: State, htmx: HtmxHeaders) -> Any:
    """Show the tasks, and beside them what they cause."""
    after = state.hub.cursor
    if htmx.request:
        return TaskTable(all_tasks(state.db))
    topics = "&".join(f"topic={name}" for name in ("tasks", *(thing.name for thing in state.beside_tasks)))
    beside = [thing.part(state) for thing in state.beside_tasks]
    live = Live(f"/sse/live?{topics}&after={after}", *TasksPage(all_tasks(state.db), beside))
    return PageTitle("Tasks"), live


@routes("/tasks", methods=["POST"])
async def create(state: State, data: dict) -> Any:  # type: ignore[type-arg]
    """Add a task, or give the form back with what is wrong."""
    try:
        new = NewTask.model_validate(data)
    except ValidationError as invalid:
        form = TaskForm(str(data.get("title", "")), faults(invalid)["title"])
        return fragment(form, status=422, headers={"HX-Retarget": "#task-form", "HX-Reswap": "outerHTML"})
    task = await state.hub.change(add, new, state.tell)
    # In a template, or the parser, which is inside a table after a row, would take the form's fields out of it.
    return fragment(TaskRow(task), Template(TaskForm(hx_swap_oob="true")))


@routes("/tasks/{id}/{action}", methods=["POST"])
async def do(state: State, id: int, action: str) -> Any:
    """Start, complete, reopen or delete a task, and answer with its row, or with nothing where it is gone."""
    if action != "delete" and action not in BECOMES:
        raise HTTPException(404, f"There is no action {action}.")
    task = await state.hub.change(act, action, id, state.tell)
    return fragment() if action == "delete" else fragment(TaskRow(task))


def part(state: State) -> Any:
    """Show the tasks in somebody else's stream."""
    return TaskTable(all_tasks(state.db))


thing = LiveThing(
    "tasks",
    "Tasks",
    "One list for everybody",
    "/tasks",
    routes,
    [tasks],
    part=part,
    prepare=prepare,
    accepts={"/tasks": NewTask},
)
