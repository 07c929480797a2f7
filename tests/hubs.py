"""A hub to test: topics whose messages are read back easily, and ways to wait for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from tidewire import Hub, sse_message, topic
from tidewire.journal import Entry, Journal
from tidewire.window import Message

PATIENCE = 20  # seconds: a bound for what hangs, not a measure


class Post(BaseModel):
    n: int
    text: str = ""


class Html(str):
    """A component: what is drawn already."""

    def __html__(self) -> str:
        return self


class Feed:
    """Topics of one kind; what is in `broken` cannot be drawn, and each snapshot is counted."""

    def __init__(self) -> None:
        self.broken: set[int] = set()
        self.drawn: list[int] = []
        self.snapshots: list[str] = []
        self.during_snapshot: Callable[[], None] = lambda: None

    def topic(self, name: str, **options: Any) -> Any:
        @topic(name, Post, snapshot=self._snapshot(name), event="post", **options)
        async def generator(posts: AsyncIterator[Any]) -> AsyncIterator[str]:
            async for post in posts:
                self.drawn.append(post.data.n)
                if post.data.n in self.broken:
                    raise ValueError(f"{post.data.n} is broken")
                yield sse_message(f"{'-' if post.removed else ''}{post.data.n}", event="post", id=post.id)

        return generator

    def _snapshot(self, name: str) -> Callable[..., Any]:
        def snapshot(context: Any, **parameters: str) -> Html:
            self.snapshots.append(name.format(**parameters))
            self.during_snapshot()
            return Html(f'<ul id="{name.format(**parameters)}">whole</ul>')

        return snapshot


def message(topic: Any, sequence: int, *, size: int = 0, ephemeral: bool = False) -> Message:
    """Make the message of an event; its `n` is its sequence."""
    data = b'{"n":%d,"text":"%s"}' % (sequence, b"x" * size)
    return Message(Entry(sequence, topic.name, "put", data, 0.0, ephemeral), topic, f"e-{sequence}")


@contextlib.asynccontextmanager
async def opened(journal: Journal, *topics: Any, **options: Any) -> AsyncIterator[Hub]:
    hub = Hub(journal, topics, options.pop("context", None), **{"gather": 0, **options})
    await hub.open()
    try:
        yield hub
    finally:
        async with asyncio.timeout(PATIENCE):
            await hub.close()


async def turns_until(condition: Callable[[], Any]) -> None:
    """Let the loop turn until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.to_thread(lambda: None)


async def flushed(hub: Hub) -> None:
    """Wait until everything that was published is on its way."""
    await turns_until(lambda: hub.id_of(hub.flushed) == hub.cursor and hub._timer is None)


async def publish(hub: Hub, *numbers: int, topic: str = "feed", **options: Any) -> list[str]:
    return [await hub.publish(topic, Post(n=n), **options) for n in numbers]


async def within(waiting: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await waiting
