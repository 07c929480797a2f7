"""A small app to kill: a table and a topic of the same posts, changed together; run by uvicorn."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tidewire import Hub, Retention, Tidewire, sse_message, stream_routes, topic
from tidewire.journal.sqlite import SQLiteJournal

DATABASE = os.environ["DURABILITY_DATABASE"]


class Post(BaseModel):
    n: int
    text: str = ""


class Whole(str):
    def __html__(self) -> str:
        return self


@topic(
    "posts", Post, event="post", retention=Retention(count=10**9, age=None), snapshot=lambda _: Whole("<i>reset</i>")
)
async def posts(events: AsyncIterator) -> AsyncIterator[str]:
    async for event in events:
        yield sse_message(f"{event.data.n} {event.data.text}", event="post", id=event.id)


def write(change, n: int, text: str) -> str:
    """Add a post; one whose answer was lost is asked for again, and must not be added twice."""
    for (event_id,) in change.db.execute("SELECT event FROM posts WHERE n = ?", (n,)):
        return event_id
    event_id = change.publish("posts", Post(n=n, text=text))
    change.db.execute("INSERT INTO posts VALUES (?, ?)", (n, event_id))
    return event_id


async def publish(request: Request) -> JSONResponse:
    asked = await request.json()
    event_id = await request.app.state.hub.change(write, asked["n"], asked.get("text", ""))
    return JSONResponse({"id": event_id, "pid": os.getpid()})


async def fill(request: Request) -> JSONResponse:
    """Publish many at once, numbered from `first`."""
    asked = await request.json()

    def many(change, first: int) -> None:
        for n in range(first, min(first + 500, asked["first"] + asked["count"])):
            change.publish("posts", Post(n=n, text=asked.get("text", "")))

    for first in range(asked["first"], asked["first"] + asked["count"], 500):
        await request.app.state.hub.change(many, first)
    return JSONResponse({})


class Lag:
    """The longest that anything has held the loop's thread, in seconds of its CPU: others' noise does not count."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.thread_time()
        self._tick()

    def _tick(self) -> None:
        now = time.thread_time()
        self.longest, self._last = max(self.longest, now - self._last), now
        asyncio.get_running_loop().call_later(0.001, self._tick)

    def take(self) -> float:
        longest, self.longest = self.longest, 0.0
        return longest


async def about(request: Request) -> JSONResponse:
    hub, state = request.app.state.hub, request.app.state
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return JSONResponse(
        {"pid": os.getpid(), "cursor": hub.cursor, "lag": state.lag.take(), "rss": resident, "counts": hub.counts}
    )


def make_table(change) -> None:
    change.db.execute("CREATE TABLE IF NOT EXISTS posts (n INTEGER PRIMARY KEY, event TEXT)")


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    hub = app.state.hub = Hub(SQLiteJournal(DATABASE), [posts])
    await hub.open()
    await hub.change(
        lambda change: (
            change.db.execute("CREATE TABLE IF NOT EXISTS posts (n INTEGER PRIMARY KEY, event TEXT)") and None
        )
    )
    app.state.lag = Lag()
    yield
    await hub.close()


routes = [
    Route("/posts", publish, methods=["POST"]),
    Route("/fill", fill, methods=["POST"]),
    Route("/about", about),
    *stream_routes([posts]),
]
app = Tidewire(Starlette(routes=routes, lifespan=lifespan))
