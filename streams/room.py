"""One room: what is said, who is here and who is typing, each a topic, and the stream by which somebody is here."""

from collections.abc import AsyncIterator
from typing import Any

from fasthtml.core import APIRouter, HtmxHeaders
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from components.page import Layout
from components.presence import Here, NameForm, People, PeopleRegion, Typing, TypingItem, TypingOver, TypingRegion, You
from components.room import Message, MessageForm, MessageItem, Messages, NewMessage, OlderMessages, RoomPage
from streams import fragment, talk
from streams.database import held
from streams.presence import rename
from streams.programs import answer_once, faults, give_back
from streams.visitor import key, name_of, visitor
from tidewire import Event, UnknownTopic, per_tab, sse_message, topic

routes = APIRouter(body_wrap=Layout)


def messages(db: Any, room: str) -> Any:
    """Draw the newest messages."""
    return Messages(room, *talk.messages(db, room))


@topic("rooms/{room}", Message, event="message", snapshot=messages, known=talk.exists)
async def room(said: AsyncIterator[Event[Message]]) -> AsyncIterator[str]:
    """Put each message at the end."""
    async for event in said:
        yield sse_message(MessageItem(event.data), id=event.id)


@topic(
    "here/{room}", Here, snapshot=lambda db, room: PeopleRegion(talk.here(db, room)), known=talk.exists, keep="latest"
)
async def here(changed: AsyncIterator[Event[Here]]) -> AsyncIterator[str]:
    """List who is here."""
    async for event in changed:
        yield sse_message(People(event.data), event="here", id=event.id)


@topic("typing/{room}", Typing, snapshot=lambda db, room: TypingRegion(), known=talk.exists, ephemeral=True)
async def typing(typed: AsyncIterator[Event[Typing]]) -> AsyncIterator[str]:
    """Say who is typing, or that it is over."""
    async for event in typed:
        yield sse_message(TypingOver(event.data) if event.removed else TypingItem(event.data), event="typing")


def unknown(request: Request) -> Response | None:
    """Answer 404 instead of the stream of a room that does not exist."""
    name = request.path_params["room"]
    known = talk.exists(request.app.state.db, name)
    return None if known else JSONResponse({"error": f"There is no room {name}."}, 404)


@per_tab("presence", "/sse/presence/{room}", events=["present"], contract=You, instead=unknown)
async def present(request: Request, room: str) -> AsyncIterator[str]:
    """Be in the room while this is open, and say under what name; who has no session is there unseen."""
    with request.app.state.crowd.place(room, request.session) as place:
        while True:
            yield sse_message(NameForm(room, place.name), event="present")
            await place.renamed()


@routes("/rooms/{room}", methods=["GET"])
def page(request: Request, state: State, room: str) -> Any:
    """Show a room."""
    after = state.hub.cursor
    found, said, crowd = talk.find(state.db, room), messages(state.db, room), talk.here(state.db, room)
    name, own = name_of(request.session), key(visitor(request.session))
    return RoomPage(found, said, crowd, name, own, after, str(request.base_url))


@routes("/rooms/{room}/older", methods=["GET"])
def older(state: State, room: str, before: int) -> Any:
    """Show what was said before a message."""
    talk.find(state.db, room)
    return fragment(OlderMessages(room, *talk.messages(state.db, room, held(before))))


@routes("/rooms/{room}", methods=["POST"])
async def say(request: Request, state: State, htmx: HtmxHeaders, room: str, data: dict) -> Any:  # type: ignore[type-arg]
    """Say something: a person by the form, under the name of the session; a program by form or JSON."""
    try:
        new = NewMessage.model_validate({**data, "name": name_of(request.session)} if htmx.request else data)
    except ValidationError as invalid:
        message = str(data.get("message", ""))
        return give_back(htmx, invalid, lambda faults: MessageForm(room, message, faults["message"]))
    if not htmx.request:
        return await answer_once(request, state.hub, talk.say, room, new)
    await state.hub.change(talk.say, room, new, key(visitor(request.session)))
    return Response(status_code=204)  # the form has emptied itself; to draw it anew would lose what was typed since


@routes("/rooms/{room}/typing", methods=["POST"])
async def type_on(request: Request, state: State, room: str) -> Response:
    """Tell the others that somebody is typing."""
    typist = Typing(key=key(visitor(request.session)), name=name_of(request.session))
    try:
        await state.hub.publish(f"typing/{room}", typist)
    except UnknownTopic as unknown:
        raise HTTPException(404, f"There is no room {room}.") from unknown
    return Response(status_code=204)


@routes("/rooms/{room}/name", methods=["POST"])
async def call(request: Request, state: State, room: str, data: dict) -> Any:  # type: ignore[type-arg]
    """Call the session by another name, in all its rooms and tabs."""
    try:
        name = You.model_validate(data).name
    except ValidationError as invalid:
        return fragment(NameForm(room, str(data.get("name", "")), faults(invalid)["name"]), status=422)
    request.session["name"] = name
    await state.hub.change(rename, visitor(request.session), name, talk.crowd_changed)
    state.crowd.stir()
    return fragment(NameForm(room, name))
