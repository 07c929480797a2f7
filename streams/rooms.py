"""Rooms: the list of them, with who is there and what was said last."""

from collections.abc import AsyncIterator
from typing import Any

from fasthtml.core import HtmxHeaders
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import JSONResponse

from components.room import NewMessage
from components.rooms import NewRoom, Room, RoomForm, RoomList, RoomRow, RoomsPage
from streams import LiveThing, fragment, room, talk
from streams.programs import answer_once, give_back
from tidewire import Event, Retention, sse_message, topic

# Each says how one room is now, so a tab that has missed many is better drawn the list.
KEPT = Retention(count=500)


@topic("rooms", Room, snapshot=lambda db: RoomList(talk.rooms(db)), retention=KEPT)
async def rooms(changed: AsyncIterator[Event[Room]]) -> AsyncIterator[str]:
    """Draw a room anew, a new one on top."""
    async for event in changed:
        yield sse_message(RoomRow(event.data), event="rooms", id=event.id)


@room.routes("/rooms", methods=["GET"])
def page(request: Request, state: State, htmx: HtmxHeaders) -> Any:
    """Show the rooms."""
    after = state.hub.cursor
    listed = talk.rooms(state.db)
    return RoomList(listed) if htmx.request else RoomsPage(listed, after, str(request.base_url))


@room.routes("/rooms", methods=["POST"])
async def make(request: Request, state: State, htmx: HtmxHeaders, data: dict) -> Any:  # type: ignore[type-arg]
    """Make a room, or find it there, and go to it."""
    try:
        new = NewRoom.model_validate(data)
        if not htmx.request:
            return await answer_once(request, state.hub, talk.make, new)
        await state.hub.change(talk.make, new)
    except ValidationError as invalid:
        return give_back(htmx, invalid, lambda faults: RoomForm(str(data.get("name", "")), faults["name"]))
    except talk.TooManyRooms as full:
        if not htmx.request:
            return JSONResponse({"errors": {"name": str(full)}}, 422)
        return fragment(RoomForm(new.name, str(full)), status=422)
    return fragment(headers={"HX-Redirect": f"/rooms/{new.slug}"})


async def work(state: State) -> None:
    """Keep who is in which room, as this process's open streams have it."""
    await state.crowd.keep(state, talk.crowd_changed)


def part(state: State) -> Any:
    """Show the rooms in somebody else's stream."""
    return RoomList(talk.rooms(state.db))


thing = LiveThing(
    "rooms",
    "Rooms",
    "Talk to whoever is there",
    "/rooms",
    room.routes,
    [rooms, room.room, room.here, room.typing, room.present],
    part=part,
    prepare=talk.prepare,
    accepts={"/rooms": NewRoom, "/rooms/{room}": NewMessage},
    example=lambda db: {"room": talk.LOBBY.slug},
    work=work,
)
