"""What is said in rooms: their tables, and what changes them, each change with its events."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException

from components.presence import NAMED, Here, Typing
from components.room import PAGE, Message, NewMessage
from components.rooms import SHOWN, NewRoom, Room
from streams import presence
from tidewire import Change

LOBBY = NewRoom(name="Lobby")
MOST_ROOMS = 1000
EXCERPT = 140  # characters of the newest message that the list shows
SUMMARY = """
    SELECT rooms.slug, rooms.name, rooms.time, coalesce(messages.name, '') AS "by",
        coalesce(substr(messages.message, 1, ?), '') AS newest,
        (SELECT count(DISTINCT visitor) FROM presence WHERE room = rooms.slug) AS people
    FROM rooms LEFT JOIN messages ON messages.id = rooms.newest
"""


class TooManyRooms(ValueError):
    """There are as many rooms as there may be."""


def prepare(change: Change) -> None:
    """Make the tables, and the lobby."""
    tables = change.db.t
    tables.rooms.create(slug=str, name=str, time=str, newest=int, pk="slug", if_not_exists=True)
    tables.messages.create(id=int, room=str, name=str, message=str, time=str, pk="id", if_not_exists=True)
    tables.messages.create_index(["room", "id"], if_not_exists=True)
    presence.prepare(change)
    if not exists(change.db, LOBBY.slug):
        _insert(change, LOBBY)


def exists(db: Any, room: str) -> bool:
    """Tell whether there is a room."""
    return bool(db.q("SELECT 1 FROM rooms WHERE slug = ?", [room]))


def rooms(db: Any) -> list[Room]:
    """Read the rooms, the lobby first, then those where something was said last."""
    order = f"{SUMMARY} ORDER BY rooms.slug = ? DESC, rooms.time DESC LIMIT ?"
    return [Room(**row) for row in db.q(order, [EXCERPT, LOBBY.slug, SHOWN])]


def find(db: Any, room: str) -> Room:
    """Read a room; 404 where there is none."""
    row = next(iter(db.q(f"{SUMMARY} WHERE rooms.slug = ?", [EXCERPT, room])), None)
    if row is None:
        raise HTTPException(404, f"There is no room {room}.")
    return Room(**row)


def here(db: Any, room: str) -> Here:
    """Read who is in a room."""
    names = presence.people(db, room)
    return Here(people=names[:NAMED], total=len(names))


def messages(db: Any, room: str, before: int | None = None) -> tuple[Sequence[Message], bool]:
    """Read the newest messages, or those before one, in their order, and whether there are older ones."""
    where, values = ("room = ?", (room,)) if before is None else ("room = ? AND id < ?", (room, before))
    found = list(db.t.messages(where, values, order_by="id DESC", limit=PAGE + 1))
    return [Message(**row) for row in reversed(found[:PAGE])], len(found) > PAGE


def make(change: Change, new: NewRoom) -> str:
    """Make a room, unless it is there, and return the id of the event that tells of it."""
    if not exists(change.db, new.slug):
        if change.db.q("SELECT count(*) AS number FROM rooms")[0]["number"] >= MOST_ROOMS:
            raise TooManyRooms(f"there are {MOST_ROOMS} rooms, and there can be no more: choose one of them")
        _insert(change, new)
    return change.publish("rooms", find(change.db, new.slug))


def say(change: Change, room: str, new: NewMessage, key: str = "") -> str:
    """Say something in a room, and return the id of its event; `key` is the session's that was typing it."""
    find(change.db, room)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    row = change.db.t.messages.insert(room=room, name=new.name, message=new.message, time=now)
    change.db.t.rooms.update({"slug": room, "newest": row["id"], "time": now})
    said = change.publish(f"rooms/{room}", Message(**row))
    change.publish("rooms", find(change.db, room))
    if key:
        change.publish(f"typing/{room}", Typing(key=key, name=new.name), remove=True)
    return said


def crowd_changed(change: Change, room: str) -> None:
    """Tell who is in a room now."""
    change.publish(f"here/{room}", here(change.db, room))
    change.publish("rooms", find(change.db, room))


def _insert(change: Change, new: NewRoom) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    change.db.t.rooms.insert(slug=new.slug, name=new.name, time=now)
