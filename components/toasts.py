"""Toasts: where each new notification is shown for some seconds on every page, and how many are unread."""

from typing import Annotated, Any

from fastcore.xml import FT
from fasthtml.components import Button, Div, Section, Span, Template
from pydantic import BaseModel, Field, NonNegativeInt

from components.live import Live, Swap


class ReadMark(BaseModel):
    """How far a session has read."""

    up_to: Annotated[NonNegativeInt, Field(description="id of the last notification that was read", examples=[41])]


def Unread(count: int, **attrs: Any) -> FT:
    """Say how many notifications are unread, if any; notifications.js keeps it right."""
    number = Span(count, data_unread_number=True)
    return Span(number, Span(" unread", cls="unread-word"), cls="unread", data_unread=True, hidden=count == 0, **attrs)


def ReadUpTo(mark: int) -> FT:
    """Hold the id of the last notification that this session has read, where the session's own stream replaces it."""
    return Swap("read", mark, tag=Span, id="read-up-to", hidden=True)


def Toasts(newest: int, mark: int, reader: str, after: str) -> FT:
    """Stand on every page; notifications.js shows what comes here, by its level at once or when there is a pause.

    newest: id of the newest notification; mark: of the last one that this session, known as `reader`, has read.
    They are beside what a page is about, and say nothing of how live that is, unless it has nothing else.
    Both roles are there from the start: a live region that comes together with its text is often not read out.
    """
    return Div(
        Live(
            f"/sse/notifications?after={after}",
            Swap(
                "notification",
                Div(role="alert", aria_atomic="false"),
                Div(role="status", aria_atomic="false"),
                tag=Section,
                id="toasts",
                aria_label="New notifications",
                data_newest=newest,
                data_began=mark,
            ),
            data_live_aside=True,
        ),
        Live(f"/sse/notifications/read/{reader}?after={after}", ReadUpTo(mark), data_live_aside=True),
        Template(Div(Button("Dismiss", type="button", cls="small"), cls="toast"), id="toast"),
    )
