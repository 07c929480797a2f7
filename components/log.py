"""The log: its contract, and the list that shows its newest lines."""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Annotated, Any, Literal

from fastcore.xml import FT, Safe
from fasthtml.components import Button, Div, Form, Input, Label, Ol, Option, P, Select
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from components.live import Live, PauseButton, Swap
from components.parts import Command, PageHead, PageTitle, Panel
from components.plain import one_line

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")  # from harmless to bad
CHOICES = {"debug": "Every level", "info": "Info and worse", "warning": "Warnings and worse", "error": "Errors alone"}
SHOWN = 500
SHOWN_ON_CARD = 6
AT_ONCE = 1000  # lines of one request
LONGEST_TEXT = 200  # of a filter

LONGEST_SOURCE = 80
NOTHING = "Nothing has been said yet."

Name = StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_SOURCE)
Source = Annotated[str, BeforeValidator(one_line), Name]


class NewLine(BaseModel):
    """What a program says."""

    level: Level = Field("info", description="how bad it is", examples=["warning"])
    line: Annotated[str, BeforeValidator(one_line)] = Field(description="one line of text", examples=["3 tests failed"])


class NewSourceLine(NewLine):
    """What a program says, and who it is."""

    source: Source = Field(description="the program or the part of it that speaks", examples=["make"])


class NewLines(BaseModel):
    """What a program says in one request."""

    source: Source
    lines: list[NewLine] = Field(min_length=1, max_length=AT_ONCE)


class Said(NewSourceLine):
    """A line with its time."""

    time: datetime = Field(description="when it was said, or came to the board (UTC)")


class Line(Said):
    """A line of the log: the `id`-th of all."""

    id: int


class Lines(BaseModel):
    """Lines that came together: one event, however many they are."""

    lines: list[Line] = Field(description="the lines, in their order")


def LogLine(line: Line) -> str:
    """Draw a line.

    Written by hand: a command says thousands of lines a second, and as FT objects each would take 0.2 ms to draw.
    """
    time = line.time
    drawn: str = Safe(
        f'<li id="log-{line.id}" data-level="{line.level}">'
        f'<time datetime="{time.isoformat(timespec="milliseconds")}" data-moment>{time:%H:%M:%S} UTC</time>'
        f'<span class="level">{line.level}</span><span class="from">{escape(line.source)}</span>'
        f'<span class="line">{escape(line.line)}</span></li>'
    )
    return drawn


def LogList(lines: Iterable[Line], level: str = "", text: str = "", most: int = SHOWN) -> FT:
    """Draw lines, where the stream appends the next ones that pass the filter (log.js) and the oldest go."""
    return Swap(
        "log",
        *map(LogLine, lines),
        tag=Ol,
        swap="beforeend",
        extension="log",
        id="log",
        cls="log",
        data_max=str(most),
        data_least=level or None,
        data_text=text or None,
    )


def LogRegion(lines: Iterable[Line], after: str, level: str = "", text: str = "") -> FT:
    """Show lines live, from the cursor `after` on."""
    empty = "No line passes the filter." if text or level not in ("", "debug") else NOTHING
    return Live(f"/sse/log?after={after}", _Scroll(LogList(lines, level, text), empty), id="log-live")


def LogNewest(lines: Iterable[Line]) -> FT:
    """Show the very newest lines, in somebody else's stream."""
    return _Scroll(LogList(lines, most=SHOWN_ON_CARD), NOTHING)


def _Scroll(lines: FT, empty: str) -> FT:
    about = P(empty, cls="empty")
    return Div(lines, about, cls="log-scroll", tabindex=0, role="region", aria_label="Lines of the log")


def LogFilter(level: str = "", text: str = "") -> FT:
    """Ask which lines are to be shown; each answer takes the place of the list, and its filter is in the address."""
    choices = (Option(label, value=one, selected=one == (level or "debug")) for one, label in CHOICES.items())
    return Form(
        Label("Level", Select(*choices, name="level")),
        Label(
            "Text in line or source",
            Input(type="search", name="text", value=text, maxlength=LONGEST_TEXT, autocomplete="off"),
        ),
        Button("Filter"),
        id="log-filter",
        cls="toolbar",
        aria_label="Filter",
        action="/log",
        hx_get="/log",
        hx_trigger="submit, input changed delay:250ms from:find input, change from:find select",
        hx_target="#log-live",
        hx_swap="outerHTML",
        hx_sync="this:replace",
    )


def LogPage(region: FT, level: str, text: str, origin: str) -> tuple[Any, ...]:
    """Show the log."""
    curl = (
        f'curl {origin.rstrip("/")}/log -H "Authorization: Bearer $(cat data/token)" '
        '-d source=make -d level=warning -d "line=3 tests failed"'
    )
    return (
        PageTitle("Log"),
        PageHead(
            "Log",
            "What the board says of itself, and what programs write here. At its end the list follows what comes; "
            "scroll up, or hold it, to read.",
        ),
        LogFilter(level, text),
        Panel(region, caption="/sse/log", actions=PauseButton("log", "Hold")),
        Div(P("A line from a terminal; up to 1,000 at once as JSON:"), Command(curl)),
    )
