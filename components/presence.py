"""Who is in a room, who is typing, and what the session is called."""

from fastcore.xml import FT
from fasthtml.components import Bdi, Button, Div, Form, Li, Span, Ul
from pydantic import BaseModel, NonNegativeInt
from pydantic import Field as Schema

from components.live import Swap
from components.names import NAME_LENGTH, Name
from components.parts import Field

NAMED = 50  # people whose names are listed; of the others there is the number


class Here(BaseModel):
    """Who is in a room: sessions that have it open, however many tabs each has."""

    people: list[str] = Schema(
        description=f"the names of the first {NAMED}, in the alphabet's order", examples=[["Ana"]]
    )
    total: NonNegativeInt = Schema(description="how many they are in all", examples=[1])


class Typing(BaseModel):
    """Somebody is typing; three seconds later that is over, if it is not said again."""

    key: str = Schema(description="tells one session from another", examples=["5f0c2a9be1d4"])
    name: str = Schema(description="who", examples=["Ana"])


class You(BaseModel):
    """Who the session is that holds this stream open."""

    name: Name = Schema(description="the name it chose, or a guest's", examples=["Guest 4821"])


def People(here: Here) -> FT:
    """List who is here."""
    unnamed = here.total - len(here.people)
    return Ul(
        Li(f"{here.total} here", cls="pill", data_state="live" if here.total else "closed"),
        *(Li(Bdi(name)) for name in here.people),
        Li(f"and {unnamed} more") if unnamed else None,
        cls="people",
        aria_label="Who is here",
    )


def PeopleRegion(here: Here) -> FT:
    """Draw who is here where the stream replaces them."""
    return Swap("here", People(here), id="here")


def TypingItem(typing: Typing) -> FT:
    """Say that somebody is typing; css takes it away after three seconds, also where nobody is left to say so."""
    return Span(Bdi(typing.name), " is typing …", id=f"typing-{typing.key}", cls="typist")


def TypingOver(typing: Typing) -> FT:
    """Take that back. The element stays, or one's own would next time be drawn where it is seen."""
    return Span(id=f"typing-{typing.key}", hidden=True)


def TypingRegion() -> FT:
    """Hold a line for those who type."""
    return Swap("typing", swap="beforeend", id="typing", cls="typing", data_max="8")


def TypingUnseen(key: str) -> FT:
    """Be where the own typing is put: what has this id in the page already is put there, and here nobody sees it."""
    return Div(Span(id=f"typing-{key}"), hidden=True)


def NameForm(room: str, name: str, fault: str = "") -> FT:
    """Ask what the session is to be called."""
    return Form(
        Field(
            "name",
            "Your name",
            fault=fault,
            name="name",
            value=name,
            autocomplete="nickname",
            required=True,
            maxlength=NAME_LENGTH,
        ),
        Button("Change", id="rename", cls="small"),
        id="name-form",
        cls="toolbar",
        hx_post=f"/rooms/{room}/name",
        hx_target="this",
        hx_swap="outerHTML",
    )
