"""The mux: any number of streams of a browser on one connection, because on HTTP/1.1 it has six for an origin.

`POST /sse/mux` with `{"on": [links], "add": [[number, url, cursor]], "drop": [number]}` is first contact, adding,
dropping and coming back in one. A process that owns one of the links answers 202; any other opens a new link with the
same subscriptions: so several processes need no stickiness. The answer's `Tidewire-Link` names the link, which is the
only key to it.
"""

import asyncio
import secrets
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tidewire.errors import BadRequest
from tidewire.link import Link
from tidewire.stream import Stream
from tidewire.subscription import MOST, Subscription, bare_of, inner

if TYPE_CHECKING:
    from tidewire.layer import Tidewire

LINKS = 3  # of a browser: half of its six connections stay free for pages and forms
LARGEST_BODY = 1024 * 1024  # bytes
LEAVE_SECONDS = 0.5  # for a stream that was dropped to notice it


class Asked(BaseModel):
    """What a browser asks for."""

    on: list[str] = Field(default=[], max_length=16)
    add: list[tuple[NonNegativeInt, str, str]] = Field(default=[], max_length=MOST)
    drop: list[int] = []


class Mux:
    """The endpoint. It owns the links of its process."""

    def __init__(self) -> None:
        self._links: dict[str, MuxStream] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add to a link of this process, or become a new one."""
        exchange = scope.get("tidewire")
        if exchange is None:
            fault = JSONResponse({"error": "the mux needs the outermost layer: app = Tidewire(app)"}, 501)
            return await fault(scope, receive, send)
        try:
            asked = Asked.model_validate_json(await _body(receive))
        except (BadRequest, ValidationError) as bad:
            return await JSONResponse({"error": str(bad)}, 400)(scope, receive, send)
        mine = [link for name in asked.on if (link := self._links.get(name)) is not None and link.lives]
        for link in mine:
            link.drop(asked.drop)
        if mine:
            mine[0].add(asked, scope)
            return await Response(status_code=202, headers=mine[0].name)(scope, receive, send)
        if not asked.add or len(asked.on) >= LINKS:
            # Of another process. On a connection of its own the next request may reach it.
            elsewhere = JSONResponse({"error": "no such link here"}, 409, {"Connection": "close"})
            return await elsewhere(scope, receive, send)
        link = MuxStream(self._links, exchange.layer)
        link.add(asked, scope)
        await link(scope, receive, send)


class MuxStream(Stream):
    """The stream that is a link, from before its first byte (its id is in the head) to the end of its last stream."""

    def __init__(self, links: "dict[str, MuxStream]", layer: "Tidewire") -> None:
        self.id = secrets.token_urlsafe(16)
        self.name = {"Tidewire-Link": self.id, "Cache-Control": "no-store"}
        super().__init__(headers=self.name)
        self.layer = layer
        self.link: Link | None = None
        self.subscriptions: dict[int, Subscription] = {}
        self._early: list[Subscription] = []
        self._links = links
        links[self.id] = self

    @property
    def lives(self) -> bool:
        """Tell whether subscriptions can be added."""
        return self.link is None or self.link.reason is None

    def add(self, asked: Asked, scope: Scope) -> None:
        """Open streams; each has its own answer, in a frame."""
        bare, headers = bare_of(scope)
        for number, url, cursor in asked.add:
            if number in self.subscriptions:
                continue
            one = self.subscriptions[number] = Subscription(self, number, inner(bare, headers, url, cursor))
            if self.link is None:
                self._early.append(one)
            else:
                one.open(self.link)

    def drop(self, numbers: list[int]) -> None:
        """Let subscriptions go: their clients have left."""
        for number in numbers:
            if one := self.subscriptions.pop(number, None):
                one.leave()

    def connect(self, scope: Scope, send: Send) -> Link:
        """Make the link; what was asked for on the way here is opened."""
        self.link = Link(scope, send)
        return self.link

    async def speak(self, connection: Link, receive: Receive) -> None:
        """Wait for the client to leave; the subscriptions speak."""
        early, self._early = self._early, []
        for one in early:
            if self.subscriptions.get(one.number) is one:
                one.open(connection)
        while (await receive())["type"] != "http.disconnect":
            pass
        connection.reason = connection.reason or "left"  # end() would cancel this very task, in the middle of discard()

    async def discard(self) -> None:
        """End the subscriptions, and return when each has let go of what it holds."""
        self._links.pop(self.id, None)
        if self.link is not None:
            self.link.release()
        tasks = [one.task for one in self.subscriptions.values() if one.task is not None]
        self.drop(list(self.subscriptions))
        if tasks:
            _, deaf = await asyncio.wait(tasks, timeout=LEAVE_SECONDS)
            for task in deaf:
                task.cancel()
            if deaf:
                await asyncio.wait(deaf)


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the client left before it had asked")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise BadRequest(f"expected at most {LARGEST_BODY} bytes")
    return body
