"""The log: what the board says of itself and what programs say, in SQLite; a noisy one makes few events."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fasthtml.core import APIRouter, HtmxHeaders
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.requests import Request

from components.log import (
    LEVELS,
    LONGEST_TEXT,
    SHOWN,
    SHOWN_ON_CARD,
    Line,
    Lines,
    LogLine,
    LogList,
    LogNewest,
    LogPage,
    LogRegion,
    NewLines,
    NewSourceLine,
    Said,
)
from components.page import Layout
from streams import LiveThing, fragment
from streams.own_log import listening
from streams.programs import answer_once, invalid_answer
from tidewire import Change, Event, Retention, sse_message, topic

KEPT = 10_000  # lines
EVENT_BYTES = 700_000  # of text, at the most that it can be; an event may have 1 MiB

routes = APIRouter(body_wrap=Layout)


def prepare(change: Change) -> None:
    """Make the table."""
    change.db.t.log.create(id=int, time=float, level=str, source=str, line=str, pk="id", if_not_exists=True)


def add(change: Change, said: Sequence[Said]) -> str:
    """Add lines, let the oldest go, and return the id of the last event."""
    first = 1 + change.db.q("SELECT coalesce(max(id), 0) AS last FROM log")[0]["last"]
    lines = [Line(id=first + n, **dict(one)) for n, one in enumerate(said)]
    rows = ((one.id, one.time.timestamp(), one.level, one.source, one.line) for one in lines)
    change.db.conn.executemany("INSERT INTO log (id, time, level, source, line) VALUES (?, ?, ?, ?, ?)", rows)
    change.db.t.log.delete_where("id <= ?", (lines[-1].id - KEPT,))
    return [change.publish("log", Lines(lines=part)) for part in parts(lines)][-1]


def parts(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Put as many lines together as a page shows and an event may hold."""
    part: list[Line] = []
    size = 0
    for line in lines:
        length = 4 * (len(line.line) + len(line.source))  # bytes, if each character takes the most that UTF-8 knows
        if part and (len(part) == SHOWN or size + length > EVENT_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    yield part


def newest(db: Any, most: int = SHOWN, level: str = "", text: str = "") -> list[Line]:
    """Read the newest lines at least as bad as `level` that hold `text`, the oldest first."""
    levels = LEVELS[LEVELS.index(level) :] if level in LEVELS else LEVELS
    among = ", ".join("?" * len(levels))
    limit = KEPT if text else most
    rows = db.q(f"SELECT * FROM log WHERE level IN ({among}) ORDER BY id DESC LIMIT {limit}", levels)  # noqa: S608
    wanted = text.lower()  # as log.js does; SQLite's own lower() knows ASCII only
    fitting: Iterable[Any] = (row for row in rows if wanted in f"{row['source']} {row['line']}".lower())
    return [Line(**row) for row, _ in zip(fitting, range(most), strict=False)][::-1]


@topic("log", Lines, snapshot=lambda db: LogList(newest(db)), retention=Retention(count=500, age=24 * 3600.0))
async def log(said: AsyncIterator[Event[Lines]]) -> AsyncIterator[str]:
    """Append the lines that came together."""
    async for event in said:
        yield sse_message([LogLine(line) for line in event.data.lines], event="log", id=event.id)


@routes("/log", methods=["GET"])
def page(request: Request, state: State, htmx: HtmxHeaders, level: str = "", text: str = "") -> Any:
    """Show the newest lines; htmx is given the list alone, and the address of its filter."""
    after = state.hub.cursor
    level, text = level if level in LEVELS[1:] else "", text[:LONGEST_TEXT]
    region = LogRegion(newest(state.db, level=level, text=text), after, level, text)
    if not htmx.request:
        return LogPage(region, level, text, str(request.base_url))
    query = urlencode({name: value for name, value in (("level", level), ("text", text)) if value})
    return fragment(region, headers={"HX-Replace-Url": f"/log?{query}" if query else "/log"})


@routes("/log", methods=["POST"])
async def create(request: Request, state: State, data: dict) -> Any:  # type: ignore[type-arg]
    """Add lines of a program: many as JSON, `{"source", "lines": [{"level", "line"}]}`, or one by form or JSON."""
    try:
        if "lines" in data:
            new = NewLines.model_validate(data)
        else:
            one = NewSourceLine.model_validate(data)
            new = NewLines(source=one.source, lines=[one])
    except ValidationError as invalid:
        return invalid_answer(invalid)
    now = datetime.now(UTC)
    said = [Said(time=now, source=new.source, level=one.level, line=one.line) for one in new.lines]
    return await answer_once(request, state.hub, add, said)


def part(state: State) -> Any:
    """Show the very newest lines in somebody else's stream."""
    return LogNewest(newest(state.db, SHOWN_ON_CARD))


async def work(state: State) -> None:
    """Write down what this process says of itself."""
    await listening(state, add)


thing = LiveThing(
    "log",
    "Log",
    "What the board and your programs say",
    "/log",
    routes,
    [log],
    part=part,
    prepare=prepare,
    accepts={"/log": NewSourceLine},
    work=work,
)
