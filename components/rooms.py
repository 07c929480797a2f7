"""Rooms: their contract, the list of them, and how one is made."""

from collections.abc import Iterable
from datetime import datetime

from fastcore.xml import FT
from fasthtml.components import H2, A, Bdi, Button, Div, Form, Li, P, Section, Span, Ul
from pydantic import BaseModel, NonNegativeInt, field_validator
from pydantic import Field as Schema
from slugify import slugify

from components.live import Live, Swap
from components.names import NAME_LENGTH, Name
from components.parts import Command, Elsewhere, Field, Moment, PageHead, PageTitle, Panel

SHOWN = 50  # rooms in the list; the others are found by their name


class NewRoom(BaseModel):
    """A room that somebody asks for."""

    name: Name = Schema(description="what it is called", examples=["Release"])

    @field_validator("name")
    @classmethod
    def _has_address(cls, name: str) -> str:
        if not slugify(name):
            raise ValueError("expected at least one letter or digit")
        return name

    @property
    def slug(self) -> str:
        """The part of its address that is its own."""
        return slugify(self.name, max_length=NAME_LENGTH)


class Room(BaseModel):
    """One room, as the list shows it."""

    slug: str = Schema(description="its place in /rooms/{slug}", examples=["lobby"])
    name: str = Schema(description="as it was typed", examples=["Lobby"])
    people: NonNegativeInt = Schema(0, description="sessions that are in it", examples=[3])
    by: str = Schema("", description="who said the newest message; empty where there is none", examples=["Ana"])
    newest: str = Schema("", description="how the newest message begins", examples=["Good morning"])
    time: datetime = Schema(description="of the newest message, or when it was made; UTC")


def RoomRow(room: Room) -> FT:
    """Draw a room."""
    said = (P(Bdi(room.by), ": ", Bdi(room.newest), cls="said"), Moment(room.time)) if room.by else None
    return Li(
        A(Bdi(room.name), href=f"/rooms/{room.slug}", cls="title"),
        Span(f"{room.people} here", cls="pill", data_state="live" if room.people else "closed"),
        said,
        id=f"room-{room.slug}",
    )


def RoomList(rooms: Iterable[Room]) -> FT:
    """Draw the rooms, where the stream puts a new one on top."""
    rows = map(RoomRow, rooms)
    return Swap("rooms", *rows, tag=Ul, swap="afterbegin", id="rooms", cls="items rooms", data_max=str(SHOWN))


def RoomForm(name: str = "", fault: str = "") -> FT:
    """Ask for the name of a room, to make it or to go there; `fault` says why `name` could be none."""
    return Form(
        Field(
            "room-name",
            "Name of a room",
            fault=fault,
            labelled=False,
            name="name",
            value=name,
            placeholder="Name of a room",
            autocomplete="off",
            required=True,
            maxlength=NAME_LENGTH,
        ),
        Button("Make or open"),
        id="room-form",
        cls="toolbar",
        hx_post="/rooms",
        hx_target="this",
        hx_swap="outerHTML",
    )


def RoomsPage(rooms: Iterable[Room], after: str, origin: str) -> tuple[FT, ...]:
    """Show the rooms live, from the cursor `after` on."""
    return (
        PageTitle("Rooms"),
        PageHead("Rooms", "Talk to whoever is there. A name leads to its room, which is made where there is none."),
        RoomForm(),
        Live(f"/sse/rooms?after={after}", Panel(RoomList(rooms), caption="/sse/rooms")),
        SayElsewhere(origin, "lobby"),
    )


def SayElsewhere(origin: str, room: str) -> FT:
    """Tell how to read a room, and how to say something in it, without a browser."""
    board = origin.rstrip("/")
    say = f'curl {board}/rooms/{room} -H "Authorization: Bearer $(cat data/token)" -d message=Hello -d name=Deploy'
    return Div(
        Elsewhere(board, f"/sse/rooms/{room}"),
        Section(H2("Say it from anywhere"), P("Any program says something with a single call."), Command(say)),
        cls="elsewhere",
    )
