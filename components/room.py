"""One room: what is said in it, who is here, who is typing, and the contracts of all three."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastcore.xml import FT
from fasthtml.components import A, Bdi, Button, Div, Form, Input, P, Strong
from pydantic import BaseModel, StringConstraints
from pydantic import Field as Schema

from components.live import Live, NewestButton, PauseButton, Swap
from components.names import Name
from components.parts import Field, Moment, PageHead, PageTitle, Panel
from components.presence import Here, NameForm, PeopleRegion, TypingRegion, TypingUnseen
from components.rooms import Room, SayElsewhere

MESSAGE_LENGTH = 2000
PAGE = 50  # messages that are shown at first, and fetched at a time
MOST = 500  # messages in a page; it lets the oldest go, and fetches them again where they are scrolled to


class NewMessage(BaseModel):
    """What somebody says in a room."""

    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_LENGTH)] = Schema(
        description="what is said", examples=["The build is done"]
    )
    name: Name = Schema("Program", description="who says it")


class Message(NewMessage):
    """One message."""

    id: int
    room: str = Schema(description="the room's place in /rooms/{room}", examples=["lobby"])
    time: datetime = Schema(description="UTC")


def MessageItem(message: Message) -> FT:
    """Draw a message. The oldest one in the page tells, by its field, what comes before it."""
    return Div(
        Strong(Bdi(message.name)),
        Moment(message.time),
        P(message.message, dir="auto"),
        Input(type="hidden", name="before", value=message.id),
        id=f"message-{message.id}",
        cls="message",
    )


def Messages(room: str, newest: Sequence[Message], more: bool) -> tuple[FT, FT]:
    """Draw the newest messages, and above them what fetches the older ones.

    A log is the one thing that moves and yet is to be read out; older messages that are scrolled to are none of it.
    """
    log = Swap(
        "message",
        *map(MessageItem, newest),
        swap="beforeend",
        id="messages",
        role="log",
        aria_label="Messages",
        data_max=str(MOST),
    )
    return Older(room, more), log


def Older(room: str, more: bool, **attrs: str) -> FT:
    """Fetch older messages once it is scrolled to; each answer brings a new one, which is looked at afresh."""
    if not more:
        return P("This is where it began.", id="older", cls="waiting", **attrs)
    return P(
        "Older messages …",
        id="older",
        cls="waiting",
        hx_get=f"/rooms/{room}/older",
        hx_trigger="intersect",
        hx_include="#messages > :first-child > [name=before]",
        hx_target="#messages",
        hx_swap="afterbegin",
        **attrs,
    )


def OlderMessages(room: str, older: Sequence[Message], more: bool) -> tuple[FT, ...]:
    """Draw a page of older messages, and out of band what fetches the next."""
    return *map(MessageItem, older), Older(room, more, hx_swap_oob="true")


def MessageScroller(room: str, messages: tuple[FT, FT]) -> FT:
    """Have the messages scroll, with a button that leads to those that have come below."""
    scroller = Div(Div(*messages), id="room-scroll", tabindex=0, role="region", aria_label=f"Messages of {room}")
    return Div(scroller, NewestButton("room-scroll", "New messages"), cls="room-log")


def MessageForm(room: str, message: str = "", fault: str = "") -> FT:
    """Ask for a message; the field says that it is typed in, once a second at most."""
    return Form(
        Field(
            "say",
            "Message",
            fault=fault,
            labelled=False,
            name="message",
            value=message,
            placeholder="Say something …",
            autocomplete="off",
            required=True,
            maxlength=MESSAGE_LENGTH,
            hx_post=f"/rooms/{room}/typing",
            hx_trigger="input throttle:1s",
            hx_params="none",
            hx_swap="none",
        ),
        Button("Send"),
        id="say-form",
        cls="toolbar",
        data_empty_on_send=True,
        data_newest="room-scroll",
        hx_post=f"/rooms/{room}",
        hx_target="this",
        hx_swap="outerHTML",
    )


def RoomPage(
    room: Room, messages: tuple[FT, FT], here: Here, name: str, key: str, after: str, origin: str
) -> tuple[FT, ...]:
    """Show a room live, from the cursor `after` on, to the session of this name and key."""
    topics = urlencode([("topic", f"{kind}/{room.slug}") for kind in ("rooms", "here", "typing")])
    return (
        PageTitle(room.name),
        PageHead(
            Bdi(room.name), "What is said here is in every open tab of it.", actions=A("All rooms", href="/rooms")
        ),
        Live(
            f"/sse/live?{topics}&after={after}",
            Panel(
                PeopleRegion(here),
                MessageScroller(room.name, messages),
                TypingRegion(),
                MessageForm(room.slug),
                caption=f"/sse/rooms/{room.slug}",
                actions=PauseButton("messages"),
                id="room",
            ),
            TypingUnseen(key),
        ),
        Live(f"/sse/presence/{room.slug}", Swap("present", NameForm(room.slug, name))),
        SayElsewhere(origin, room.slug),
    )
