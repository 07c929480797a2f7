"""Notifications: their contract, and the list that shows the newest."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastcore.xml import FT
from fasthtml.components import Button, Div, Form, Li, Option, P, Select, Span, Strong, Ul
from pydantic import BaseModel, StringConstraints

from components.live import Live, Swap
from components.parts import Command, Field, Moment, PageHead, PageTitle, Panel

Level = Literal["info", "success", "warning", "error"]
LEVELS: tuple[Level, ...] = ("info", "success", "warning", "error")
SHOWN = 5
MESSAGE_LENGTH = 500


class NewNotification(BaseModel):
    """What somebody says to everybody."""

    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_LENGTH)]
    level: Level = "info"


class Notification(NewNotification):
    """One notification: the `total`-th of all."""

    id: int
    time: datetime
    total: int


def NotificationItem(notification: Notification) -> FT:
    """Draw a notification."""
    return Li(
        Span(notification.level, cls="pill", data_level=notification.level),
        Span(notification.message, cls="title"),
        Moment(notification.time),
        id=f"notification-{notification.id}",
    )


def NotificationCount(total: int, **attrs: str) -> FT:
    """Say how many there are in all."""
    return P(Strong(total), " in all" if total != 1 else " notification in all", id="notification-count", **attrs)


def NotificationNews(notification: Notification) -> tuple[FT, ...]:
    """Draw what the stream says of a new one: its item, and out of band the count."""
    return NotificationItem(notification), NotificationCount(notification.total, hx_swap_oob="true")


def NotificationList(newest: Iterable[Notification]) -> FT:
    """Draw the newest, where the stream puts the next on top and live.js lets the oldest go."""
    items = map(NotificationItem, newest)
    return Swap("notification", *items, tag=Ul, swap="afterbegin", id="notifications", cls="items", data_max=str(SHOWN))


def NotificationRegion(newest: Iterable[Notification], total: int) -> tuple[FT, FT]:
    """Draw the list and the count."""
    return NotificationList(newest), NotificationCount(total)


def NotificationPanel(newest: Iterable[Notification], total: int) -> FT:
    """Frame the list and the count."""
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
