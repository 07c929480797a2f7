"""Notifications: what people, programs and other live things tell everybody."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from fasthtml.core import APIRouter, HtmxHeaders
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.requests import Request

from components.notifications import (
    SHOWN,
    NewNotification,
    Notification,
    NotificationForm,
    NotificationNews,
    NotificationPanel,
    NotificationRegion,
    NotificationsPage,
)
from components.page import Layout
from components.toasts import ReadMark
from streams import LiveThing, fragment, unread
from streams.programs import answer_once, give_back, invalid_answer
from tidewire import Change, Event, sse_message, topic

KEPT = 10_000  # notifications; a page shows the newest few

routes = APIRouter(body_wrap=Layout)


def prepare(change: Change) -> None:
    """Make the tables."""
    change.db.t.notifications.create(id=int, message=str, level=str, time=str, pk="id", if_not_exists=True)
    unread.prepare(change)


def add(change: Change, new: NewNotification) -> str:
    """Add a notification, let the oldest go, and return the id of its event."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    row = change.db.t.notifications.insert(message=new.message, level=new.level, time=now)
    change.db.t.notifications.delete_where("id <= ?", (row["id"] - KEPT,))
    return change.publish("notifications", Notification(**row, total=total(change.db)))


def congratulate(change: Change, title: str) -> None:
    """Tell everybody that a task is done."""
    add(change, NewNotification(message=f"Task completed: {title}", level="success"))


def total(db: Any) -> int:
    """Count all notifications there ever were, by the number of the newest: only the oldest are let go."""
    return unread.newest_id(db)


def newest(db: Any) -> tuple[list[Notification], int]:
    """Read the newest notifications, the newest first, and count all."""
    counted = total(db)
    return [Notification(**row, total=counted) for row in db.t.notifications(order_by="id DESC", limit=SHOWN)], counted


@topic("notifications", Notification, event="notification", snapshot=lambda db: NotificationRegion(*newest(db)))
async def notifications(told: AsyncIterator[Event[Notification]]) -> AsyncIterator[str]:
    """Put each new one on top."""
    async for event in told:
        yield sse_message(NotificationNews(event.data), event="notification", id=event.id)


@routes("/notifications", methods=["GET"])
def page(request: Request, state: State, htmx: HtmxHeaders) -> Any:
    """Show the newest."""
    after = state.hub.cursor
    items, counted = newest(state.db)
    if htmx.request:
        return NotificationRegion(items, counted)
    return NotificationsPage(items, counted, after, str(request.base_url))


@routes("/notifications", methods=["POST"])
async def create(request: Request, state: State, htmx: HtmxHeaders, data: dict) -> Any:  # type: ignore[type-arg]
    """Tell everybody: a person by the form, a program by form or JSON."""
    try:
        new = NewNotification.model_validate(data)
    except ValidationError as invalid:
        message, level = str(data.get("message", "")), str(data.get("level", ""))
        return give_back(htmx, invalid, lambda faults: NotificationForm(message, level, faults))
    if not htmx.request:
        return await answer_once(request, state.hub, add, new)
    await state.hub.change(add, new)
    return fragment(NotificationForm(level=new.level))


@routes("/notifications/read", methods=["POST"])
async def read(request: Request, state: State, data: dict) -> Any:  # type: ignore[type-arg]
    """Mark what is read in this session, in all its tabs."""
    try:
        mark = ReadMark.model_validate(data)
    except ValidationError as invalid:
        return invalid_answer(invalid)
    await state.hub.change(unread.mark, unread.reader_of(request.session), mark)
    return fragment()


def part(state: State) -> Any:
    """Show the newest in somebody else's stream."""
    return NotificationPanel(*newest(state.db))


thing = LiveThing(
    "notifications",
    "Notifications",
    "What people, programs and tasks tell everybody",
    "/notifications",
    routes,
    [notifications, unread.reading],
    part=part,
    beside=unread.beside,
    everywhere=unread.everywhere,
    prepare=prepare,
    accepts={"/notifications": NewNotification, "/notifications/read": ReadMark},
    example=lambda db: {"reader": "0" * 32},  # nobody: what a session has read is its own
)
