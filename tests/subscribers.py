"""A hub's clients, whose sockets the test holds in its hand, and what they are sent, as a browser reads it."""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Any

from hubs import PATIENCE, turns_until

from tidewire import Hub
from tidewire.layer import Tidewire
from tidewire.topic_stream import TopicStream

FIELD = re.compile(r"^(id|event|data|retry): ?(.*)$")


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
