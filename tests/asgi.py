"""A client by hand: it gives an ASGI app what a server gives, takes what it sends, and stalls or leaves when told."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Message


async def turn() -> None:
    """Let everything that is ready run once."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_soon(passed.set)
    await passed.wait()


class Transport:
    """The socket under a client, as uvicorn's `send` shows it."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, name: str) -> None:
        """It has no socket."""


class Client:
    """One request to an app, under way while the block lasts: `async with Client(app, "/sse/clock") as client:`."""

    def __init__(
        self,
        app: ASGIApp,
        path: str = "/",
        *,
        method: str = "GET",
        query: str = "",
        content: bytes = b"",
        **headers: str,
    ) -> None:
        self.app = app
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.replace("_", "-").encode(), value.encode("latin-1"))
                for name, value in {"host": "127.0.0.1:5001", **headers}.items()
            ],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 5001),
        }
        self.content = content
        self.messages: list[Message] = []
        self.transport = Transport()
        self._asked = self._left = False
        self._gone = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> "Client":
        self.task = asyncio.create_task(self.app(self.scope, self.receive, self.send))
        self.task.add_done_callback(lambda _: self._changed.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()
        self._reading.set()
        await asyncio.wait([self.task], timeout=5)
        if not self.task.done():
            self.task.cancel()
            raise AssertionError("the app goes on though its client has left")

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.content, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self._reading.wait()
        if self._left:
            return  # as uvicorn does
        if message["type"] == "http.response.body":
            assert self.messages, "a body before its start"
            assert not self.ended, "a body after the end"
        self.messages.append(message)
        if self.ended:
            self._gone.set()
        self._changed.set()

    def leave(self) -> None:
        self._left = True
        self._gone.set()

    def stall(self) -> None:
        """Read nothing more."""
        self._reading.clear()

    async def until(self, condition: Callable[[], Any], seconds: float = 5) -> None:
        """Wait until a condition holds, which what is sent (or the app's return) makes true."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def done(self, seconds: float = 5) -> None:
        """Wait for the app to return, and have what it raised."""
        await asyncio.wait_for(asyncio.shield(self.task), seconds)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> str:
        return b"".join(message.get("body", b"") for message in self.messages[1:]).decode()

    @property
    def ended(self) -> bool:
        return len(self.messages) > 1 and not self.messages[-1].get("more_body", False)
