"""Notifications: their contract, and the list that shows the newest."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

import pydantic
from fastcore.xml import FT
from fasthtml.components import Button, Div, Form, Li, Option, P, Select, Span, Strong, Ul
from pydantic import BaseModel, StringConstraints

from components.live import Live, Swap
from components.parts import Command, Field, Moment, PageHead, PageTitle, Panel
from components.toasts import Unread

Level = Literal["info", "success", "warning", "error"]
LEVELS: tuple[Level, ...] = ("info", "success", "warning", "error")
SHOWN = 5
MESSAGE_LENGTH = 500


class NewNotification(BaseModel):
    """What somebody says to everybody."""

    message: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_LENGTH),
        pydantic.Field(description="what is said, in one line", examples=["Build done"]),
    ]
    level: Annotated[Level, pydantic.Field(description="warning and error interrupt whoever listens to the page")] = (
        "info"
    )


class Notification(NewNotification):
    """One notification."""

    id: Annotated[int, pydantic.Field(description="its number; later ones are larger", examples=[42])]
    time: Annotated[datetime, pydantic.Field(description="when it was said, UTC")]
    total: Annotated[int, pydantic.Field(description="how many there were in all, it included", examples=[42])]


def NotificationItem(notification: Notification) -> FT:
    """Draw a notification."""
    return Li(
        Span(notification.level, cls="pill", data_level=notification.level),
        Span(notification.message, cls="title"),
        Span("new", cls="new"),
        Moment(notification.time),
        id=f"notification-{notification.id}",
        data_number=notification.id,
    )


def NotificationCount(total: int, newest: int = 0, **attrs: str) -> FT:
    """Say how many there are in all and how many are unread; what is marked as read ends with the `newest` shown."""
    counted = Strong(total), " in all" if total != 1 else " notification in all"
    mark = Button(
        "Mark all read", name="up_to", value=newest, hx_post="/notifications/read", hx_swap="none", cls="small"
    )
    return Div(
        P(*counted if total else ["Nobody has been told anything yet."], " ", Unread(0)),
        mark if newest else None,
        id="notification-count",
        **attrs,
    )


def NotificationNews(notification: Notification) -> tuple[FT, ...]:
    """Draw what the stream says of a new one: its item, and out of band the count."""
    return NotificationItem(notification), NotificationCount(notification.total, notification.id, hx_swap_oob="true")


def NotificationList(newest: Iterable[Notification]) -> FT:
    """Draw the newest, where the stream puts the next on top and live-put.js lets the oldest go."""
    items = map(NotificationItem, newest)
    return Swap("notification", *items, tag=Ul, swap="afterbegin", id="notifications", cls="items", data_max=str(SHOWN))


def NotificationRegion(newest: Iterable[Notification], total: int) -> tuple[FT, FT]:
    """Draw the count and the list."""
    shown = list(newest)
    return NotificationCount(total, shown[0].id if shown else 0), NotificationList(shown)


def NotificationPanel(newest: Iterable[Notification], total: int) -> FT:
    """Frame the count and the list."""
    return Panel(*NotificationRegion(newest, total), caption="/sse/notifications")


def NotificationForm(message: str = "", level: str = "info", faults: Mapping[str, str] = {}) -> FT:
    """Ask for something to say to everybody; `faults` says, by field, why what was given cannot be."""
    return Form(
        Field(
            "notification-message",
            "Message",
            fault=faults.get("message", ""),
            labelled=False,
            name="message",
            value=message,
            placeholder="Tell everybody …",
            autocomplete="off",
            required=True,
            maxlength=MESSAGE_LENGTH,
        ),
        Field(
            "notification-level",
            "Level",
            *(Option(one, selected=one == level) for one in LEVELS),
            tag=Select,
            fault=faults.get("level", ""),
            labelled=False,
            name="level",
        ),
        Button("Notify"),
        id="notification-form",
        cls="toolbar",
        hx_post="/notifications",
        hx_target="this",
        hx_swap="outerHTML",
    )


def NotificationsPage(newest: Iterable[Notification], total: int, after: str, origin: str) -> tuple[FT, ...]:
    """Show the newest notifications live, from the cursor `after` on."""
    curl = (
        f'curl {origin.rstrip("/")}/notifications -H "Authorization: Bearer $(cat data/token)" '
        '-d "message=Build done" -d level=success'
    )
    return (
        PageTitle("Notifications"),
        PageHead(
            "Notifications", f"The newest {SHOWN}, in every open tab. Any program can send one with a single call."
        ),
        NotificationForm(),
        Live(f"/sse/notifications?after={after}", NotificationPanel(newest, total)),
        Div(P("From a terminal:"), Command(curl)),
    )
