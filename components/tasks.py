"""Tasks: their contract, and the table that shows them live."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastcore.xml import FT
from fasthtml.components import Button, Div, Form, Span, Table, Tbody, Td, Th, Thead, Tr
from pydantic import BaseModel, StringConstraints
from pydantic import Field as Described

from components.live import Swap
from components.parts import Field, PageHead, Panel

Status = Literal["Pending", "In Progress", "Completed"]
TITLE_LENGTH = 200
TONES: dict[Status, str] = {"Pending": "pending", "In Progress": "running", "Completed": "done"}
# What can be done in each state: the action's path, and its label.
ACTIONS: dict[Status, tuple[tuple[str, str], ...]] = {
    "Pending": (("start", "Start"), ("complete", "Complete")),
    "In Progress": (("complete", "Complete"),),
    "Completed": (("reopen", "Reopen"),),
}


class NewTask(BaseModel):
    """What is to be done."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH)] = Described(
        description="what is to be done", examples=["Learn HTMX"]
    )


class Task(NewTask):
    """One task."""

    id: int = Described(description="its number")
    status: Status = Described(description="how far it is")


def TaskRow(task: Task) -> FT:
    """Draw a task: what the page shows, what an action answers, what the stream puts."""
    buttons = [
        Button(label, hx_post=f"/tasks/{task.id}/{action}", aria_label=f"{label}: {task.title}", cls="small")
        for action, label in (*ACTIONS[task.status], ("delete", "Delete"))
    ]
    return Tr(
        Td(task.title, cls="title"),
        Td(Span(task.status, cls="pill", data_state=TONES[task.status])),
        Td(Div(*buttons, cls="row-actions")),
        id=f"task-{task.id}",
        hx_target="this",
        hx_swap="outerHTML",
    )


def TaskGone(task: Task) -> FT:
    """Take a task's row away."""
    return Tr(id=f"task-{task.id}", hx_swap_oob="delete")


def TaskRows(tasks: Iterable[Task]) -> FT:
    """Draw all tasks, as the body of the table in which the stream puts each that changes."""
    return Swap("tasks", *map(TaskRow, tasks), tag=Tbody, swap="beforeend", id="tasks")


def TaskForm(title: str = "", fault: str = "", **attrs: str) -> FT:
    """Ask for a new task; `fault` says why `title` could not be one."""
    return Form(
        Field(
            "task-title",
            "Title of the new task",
            fault=fault,
            labelled=False,
            name="title",
            value=title,
            placeholder="What is to be done?",
            autocomplete="off",
            required=True,
            maxlength=TITLE_LENGTH,
        ),
        Button("Add"),
        id="task-form",
        cls="toolbar",
        hx_post="/tasks",
        hx_target="#tasks",
        hx_swap="beforeend",
        **attrs,
    )


def TaskTable(tasks: Iterable[Task]) -> FT:
    """Show all tasks with what can be done to each."""
    head = Thead(Tr(Th("Task", scope="col"), Th("Status", scope="col"), Th("Actions", scope="col")))
    return Div(Table(head, TaskRows(tasks)), cls="table-wrap", tabindex=0, role="region", aria_label="Tasks")


def TasksPage(tasks: Iterable[Task], beside: Iterable[Any]) -> tuple[FT, ...]:
    """Show the tasks; `beside` is what they cause: stats, notifications."""
    return (
        PageHead("Tasks", "One list for everybody. What you change here is changed in every open tab."),
        TaskForm(),
        Panel(TaskTable(tasks), caption="/sse/tasks"),
        Div(*beside, cls="columns"),
    )
