"""Who is in which room: sessions with an open stream, over all processes of the board."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import State

from streams.visitor import name_of, visitor
from streams.workers import alive
from tidewire import Change, JournalUnavailable

GRACE_SECONDS = 4.0  # a reload, a cut or a restart of the board takes less, and changes nobody's list
LOOK_SECONDS = 0.5

Tell = Callable[[Change, str], None]  # what follows when other people are in a room than before


@dataclass(eq=False)
class Place:
    """One open stream of one session in one room. `named` is set when its name has changed."""

    room: str
    visitor: str
    name: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    named: asyncio.Event = field(default_factory=asyncio.Event)

    async def renamed(self) -> None:
        """Wait until the session has another name."""
        self.named.clear()
        await self.named.wait()


class Crowd:
    """The open streams of this process; `keep` makes its rows in the database be what these are.

    Neither opening nor ending a stream writes: of a thousand that come at once there is one change, one that comes
    while nothing can be written is not lost, and rows that others have taken for a dead process's come back.
    """

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._stirred = asyncio.Event()

    @contextmanager
    def place(self, room: str, session: dict[str, Any]) -> Iterator[Place]:
        """Have a session be in a room until the end of the block; what has no session is a program, and is nobody."""
        known = "visitor" in session
        one = Place(room, visitor(session), name_of(session)) if known else Place(room, "", "")
        try:
            if known:
                self._places[one.id] = one
                self.stir()
            yield one
        finally:
            self._places.pop(one.id, None)
            self.stir()

    def stir(self) -> None:
        """Have `keep` look at once."""
        self._stirred.set()

    async def keep(self, state: State, tell: Tell) -> None:
        """Settle what is to be settled, at once or within `LOOK_SECONDS`, until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), LOOK_SECONDS)
            self._stirred.clear()
            places, keeper = dict(self._places), state.keeper()
            unsettled, names = await asyncio.to_thread(look, state.db, state.worker, places, keeper)
            for place in places.values():
                if place.name != (name := names.get(place.id, place.name)):
                    place.name = name
                    place.named.set()
            if unsettled:
                with suppress(JournalUnavailable):
                    await state.hub.change(settle, state.worker, places, keeper, tell)


def prepare(change: Change) -> None:
    """Make the table; `gone` is when a stream ended, for the grace that follows."""
    change.db.t.presence.create(
        id=str, room=str, visitor=str, name=str, worker=str, gone=float, pk="id", if_not_exists=True
    )
    change.db.t.presence.create_index(["room", "visitor"], if_not_exists=True)
    change.db.t.presence.create_index(["worker"], if_not_exists=True)
    # However long the board was down: the grace of those who wait for it begins now.
    change.db.q("UPDATE presence SET gone = ? WHERE gone IS NOT NULL", [time.time()])


def people(db: Any, room: str) -> list[str]:
    """Name those who are in a room, in the alphabet's order, each session once."""
    sql = "SELECT max(name) AS name FROM presence WHERE room = ? GROUP BY visitor ORDER BY 1 COLLATE NOCASE, visitor"
    return [row["name"] for row in db.q(sql, [room])]


def look(db: Any, worker: str, places: Mapping[str, Place], keeper: bool) -> tuple[bool, dict[str, str]]:
    """Tell whether there is anything to settle, and the names that the rows of this process bear."""
    rows = db.q("SELECT id, name FROM presence WHERE worker = ? AND gone IS NULL", [worker])
    names = {row["id"]: row["name"] for row in rows}
    return names.keys() != places.keys() or (keeper and bool(_dead(db) or _overdue(db))), names


def settle(change: Change, worker: str, places: Mapping[str, Place], keeper: bool, tell: Tell) -> None:
    """Make the rows of a process what its open streams are; the keeper lets go of those whose grace is over.

    Somebody who comes back within the grace takes over what they left, and was never away.
    """
    db, now = change.db, time.time()
    known = {row["id"] for row in db.q("SELECT id FROM presence WHERE worker = ? AND gone IS NULL", [worker])}
    came = [place for place in places.values() if place.id not in known]
    left = known - places.keys()
    if keeper:
        left.update(_dead(db))
    over = _overdue(db) if keeper else []
    before = {room: people(db, room) for room in {*(place.room for place in came), *(row["room"] for row in over)}}
    for one in left:
        db.t.presence.update({"id": one, "gone": now})
    for place in came:
        db.t.presence.delete_where("room = ? AND visitor = ? AND gone IS NOT NULL", (place.room, place.visitor))
        db.t.presence.upsert(
            id=place.id, room=place.room, visitor=place.visitor, name=place.name, worker=worker, gone=None
        )
    for row in over:
        db.t.presence.delete_where("id = ?", (row["id"],))
    for room, were in before.items():
        if people(db, room) != were:
            tell(change, room)


def rename(change: Change, visitor: str, name: str, tell: Tell) -> None:
    """Call a session by another name, wherever it is."""
    rooms = change.db.q("SELECT DISTINCT room FROM presence WHERE visitor = ? AND name != ?", [visitor, name])
    for row in list(change.db.t.presence("visitor = ?", (visitor,))):
        change.db.t.presence.update({"id": row["id"], "name": name})
    for row in rooms:
        tell(change, row["room"])


def _dead(db: Any) -> list[str]:
    """List the rows of processes that no longer live."""
    workers = {row["worker"] for row in db.q("SELECT DISTINCT worker FROM presence WHERE gone IS NULL")}
    return [row["id"] for one in workers - alive(db) for row in db.t.presence("worker = ? AND gone IS NULL", (one,))]


def _overdue(db: Any) -> list[dict[str, Any]]:
    """List the rows whose grace is over."""
    found: list[dict[str, Any]] = db.q("SELECT id, room FROM presence WHERE gone < ?", [time.time() - GRACE_SECONDS])
    return found
