"""A hub to test: topics whose messages are read back easily, and clients whose sockets the test holds in its hand."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from pydantic import BaseModel

from tidewire import Hub, sse_message, topic
from tidewire.journal import Entry, Journal
from tidewire.layer import Tidewire
from tidewire.topic_stream import TopicStream
from tidewire.window import Message

PATIENCE = 20  # seconds: a bound for what hangs, not a measure
FIELD = re.compile(r"^(id|event|data|retry): ?(.*)$")


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


class Sent:
    """One event as a browser reads it."""

    def __init__(self, block: str) -> None:
        fields = [match.groups() for line in block.split("\n") if (match := FIELD.match(line))]
        self.id = next((value for name, value in fields if name == "id"), None)
        self.event = next((value for name, value in fields if name == "event"), "message")
        data = [value for name, value in fields if name == "data"]
        self.data = "\n".join(data) if data else None

    def __repr__(self) -> str:
        return f"<{self.id} {self.event} {self.data}>"


class Client:
    """The server's side of one connection: its `send` is the server's own, so the hub steps it by hand.

    stalled: `send` waits, as for a client that does not read, until `read` is called.
    """

    def __init__(self, hub: Hub, *topics: str, form: str = "html", cursors: Iterable[str] = ()) -> None:
        self.hub = hub
        self.transport = asyncio.Transport()  # what connection.transport_of looks for
        self.body = b""
        self.ended = False
        self.broken: Exception | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._left = asyncio.Event()
        self._news = asyncio.Event()
        self.stream = TopicStream(hub, frozenset(topics), form, list(cursors))
        self.registry: Any = None
        self.task: asyncio.Task[None] | None = None

    def start(self) -> "Client":
        self.layer = Tidewire(self._app)
        self.registry = self.layer.registry
        self.task = asyncio.ensure_future(self.layer(scope(), self.receive, self.send))
        return self

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        await self.stream(scope, receive, send)

    async def send(self, message: Any) -> None:
        while not self._writable.is_set():
            await self._writable.wait()
        if self.broken:
            raise self.broken
        assert not self.ended, "sent after the end"
        self.body += message.get("body", b"")
        self.ended = message["type"] == "http.response.body" and not message["more_body"]
        self._news.set()

    async def receive(self) -> Any:
        await self._left.wait()
        return {"type": "http.disconnect"}

    def stall(self) -> None:
        self._writable.clear()

    def read(self) -> None:
        self._writable.set()

    def leave(self) -> None:
        self._left.set()
        self._writable.set()

    async def until(self, enough: Callable[["Client"], Any]) -> "Client":
        async with asyncio.timeout(PATIENCE):
            while not enough(self):
                assert self.task is None or not self.task.done(), f"the stream ended: {self.body!r}"
                self._news.clear()
                await self._news.wait()
        return self

    async def joined(self) -> "Client":
        """Wait until it is up to date."""
        await turns_until(lambda: self.subscriber is not None and self.subscriber.group is not None)
        return self

    async def posts(self, count: int) -> list[int]:
        """Wait for so many events, and tell their numbers."""
        await self.until(lambda _: len(self.numbers) >= count)
        return self.numbers

    async def gone(self) -> None:
        """Leave, and wait until the stream has ended."""
        self.leave()
        assert self.task is not None
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self.task])

    @property
    def subscriber(self) -> Any:
        return self.stream.subscriber

    @property
    def sent(self) -> list[Sent]:
        blocks = self.body.decode().split("\n\n")
        return [Sent(block) for block in blocks if block and not block.startswith(":")]

    @property
    def numbers(self) -> list[int]:
        return [int(e.data) for e in self.sent if e.event == "post" and e.data and e.data.lstrip("-").isdigit()]

    @property
    def resets(self) -> list[Sent]:
        return [e for e in self.sent if (e.data and "hx-swap-oob" in e.data) or e.event == "reset"]

    @property
    def cursor(self) -> str:
        """What a browser would send as Last-Event-ID."""
        return next(e.id for e in reversed(self.sent) if e.id)


class Middled(Client):
    """A client whose `send` is some middleware's."""

    def start(self) -> "Client":
        async def send(message: Any) -> None:
            await Client.send(self, message)

        self.task = asyncio.ensure_future(self.stream(scope(), self.receive, send))
        return self


def scope(path: str = "/sse/feed", query: str = "", **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
    }


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
