"""Unread: how far each session has read the notifications, told to that session's tabs alone."""

import hashlib
import re
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request

from components.toasts import ReadMark, ReadUpTo, Toasts, Unread
from streams.visitor import visitor
from tidewire import Change, Event, Retention, sse_message, topic

KEPT_SECONDS = 90 * 24 * 3600  # a session that has marked nothing for so long begins again where it first came
MISSED_SECONDS = 24 * 3600.0  # a tab that was away for longer is given the mark by a reset
READER = re.compile(r"[0-9a-f]{32}")


def prepare(change: Change) -> None:
    """Make the table of marks: one for each session that has ever marked what it has read."""
    change.db.t.read_marks.create(reader=str, up_to=int, time=float, pk="reader", if_not_exists=True)
    change.db.execute("CREATE INDEX IF NOT EXISTS read_marks_by_time ON read_marks (time)")


def reader_of(session: dict[str, Any]) -> str:
    """Name a session as a topic may: names of topics are seen in lists of streams, a session's id must not be."""
    return hashlib.sha256(visitor(session).encode()).hexdigest()[:32]


def newest_id(db: Any) -> int:
    """Read the id of the newest notification; 0 where there is none."""
    return int(db.q("SELECT coalesce(max(id), 0) AS id FROM notifications")[0]["id"])


def marked(db: Any, reader: str) -> int:
    """Read how far a session says it has read; 0 where it never said."""
    return next((row["up_to"] for row in db.q("SELECT up_to FROM read_marks WHERE reader = ?", [reader])), 0)


def mark(change: Change, reader: str, read: ReadMark) -> None:
    """Note how far a session has read, tell its tabs, and forget the marks of sessions that are no more.

    A mark only grows: what a tab that was away still sends takes nothing back.
    """
    up_to = min(read.up_to, newest_id(change.db))
    if up_to <= marked(change.db, reader):
        return
    now = time.time()
    change.db.t.read_marks.delete_where("time < ?", (now - KEPT_SECONDS,))
    change.db.t.read_marks.upsert(reader=reader, up_to=up_to, time=now)
    change.publish(f"notifications/read/{reader}", ReadMark(up_to=up_to))


@topic(
    "notifications/read/{reader}",
    ReadMark,
    event="read",
    snapshot=lambda db, reader: ReadUpTo(marked(db, reader)),
    keep="latest",
    retention=Retention(count=1, age=MISSED_SECONDS),
    known=lambda db, reader: bool(READER.fullmatch(reader)),
)
async def reading(marks: AsyncIterator[Event[ReadMark]]) -> AsyncIterator[str]:
    """Say up to which notification the session has read."""
    async for event in marks:
        yield sse_message(event.data.up_to, event="read", id=event.id)


def standing(request: Request) -> tuple[int, int]:
    """Tell the newest notification, and the last one that whoever asks has read.

    Nothing that was said before a session's first page is news to it: where it began stands in its cookie, so that a
    first visit writes nothing.
    """
    if not hasattr(request.state, "standing"):
        db = request.app.state.db
        newest = newest_id(db)
        began = request.session["began"] = min(request.session.get("began", newest), newest)
        request.state.standing = newest, max(began, marked(db, reader_of(request.session)))
    newest, read = request.state.standing
    return newest, read


def beside(request: Request) -> Any:
    """Draw how many are unread, for the navigation."""
    newest, read = standing(request)
    return Unread(newest - read)


def everywhere(request: Request) -> Any:
    """Draw the toasts, for every page."""
    after = request.app.state.hub.cursor  # before the state: the stream repeats rather than misses
    newest, read = standing(request)
    return Toasts(newest, read, reader_of(request.session), after)
