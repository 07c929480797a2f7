"""The mux: any number of streams of a browser on one connection, because on HTTP/1.1 it has six for an origin.

`POST /sse/mux` with `{"on": [links], "add": [[number, url, cursor]], "drop": [number]}` is first contact, adding,
dropping and coming back in one. A process that owns one of the links answers 202; any other opens a new link with the
same subscriptions: so several processes need no stickiness. The answer's `Tidewire-Link` names the link, which is the
only key to it.
"""

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from tidewire.errors import BadRequest
from tidewire.link import Link
from tidewire.stream import Stream

if TYPE_CHECKING:
    from tidewire.layer import Tidewire

log = logging.getLogger("tidewire")

SUBSCRIPTIONS = 1024  # on a link
LINKS = 3  # of a browser: half of its six connections stay free for pages and forms
LARGEST_BODY = 1024 * 1024  # bytes
LEAVE_SECONDS = 0.5  # for a stream that was dropped to notice it

# What a subscription is asked with: the bare keys of the link's request. Routes and middleware have put more into
# that scope (session, path_params, app), which is not the inner request's.
BARE = ("type", "asgi", "http_version", "scheme", "client", "server", "state")
# Headers that speak of the link's own body or connection, or that each subscription says for itself.
NOT_PASSED_ON = ("accept", "connection", "content-", "expect", "if-", "last-event-id", "range", "transfer-encoding")


class Asked(BaseModel):
    """What a browser asks for."""

    on: list[str] = Field(default=[], max_length=16)
    add: list[tuple[NonNegativeInt, str, str]] = Field(default=[], max_length=SUBSCRIPTIONS)
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
        bare = {key: scope[key] for key in BARE if key in scope}
        bare["root_path"] = scope.get("app_root_path", scope.get("root_path", ""))
        headers = [pair for pair in scope["headers"] if not pair[0].decode("latin-1").startswith(NOT_PASSED_ON)]
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
            if one.number in self.subscriptions:
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


class Subscription:
    """One stream on a link: an ordinary GET of this app, whose server is the link."""

    __slots__ = ("_asked", "_gone", "_streams", "link", "number", "scope", "stream", "task")

    def __init__(self, stream: MuxStream, number: int, scope: Scope | None) -> None:
        self.stream = stream
        self.number = number
        self.scope = scope
        self.link: Link | None = None
        self.task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._asked = self._streams = False

    @property
    def transport(self) -> asyncio.Transport | None:
        """The socket of the link: to those who step `send` by hand, this is the server's own."""
        return self.link.transport if self.link is not None else None

    def open(self, link: Link) -> None:
        """Ask."""
        self.link = link
        if self.scope is None or len(self.stream.subscriptions) > SUBSCRIPTIONS:
            del self.stream.subscriptions[self.number]
            return link.say(self.number, status=400 if self.scope is None else 429)
        self.task = asyncio.ensure_future(self._run(link, self.scope))
        self.scope = None

    def leave(self) -> None:
        """Be a client that has left."""
        self._gone.set()

    async def _run(self, link: Link, scope: Scope) -> None:
        try:
            await self.stream.layer(scope, self.receive, self.send)
        except Exception:
            log.exception("subscription to %s failed", scope["path"])
        finally:
            if self.stream.subscriptions.pop(self.number, None) and self._streams:
                link.say(self.number, end=True)

    async def receive(self) -> Message:
        """Be an empty request, whose client leaves one day."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass a stream on; of any other answer, the status. Suspends only where the link is slow."""
        link = self.link
        if link is None or self._gone.is_set():
            return
        if message["type"] == "http.response.start":
            headers = Headers(raw=message.get("headers", []))
            kind = headers.get("content-type", "")
            self._streams = message["status"] == 200 and kind.startswith("text/event-stream")
            link.say(self.number, status=message["status"], type=kind, retry=headers.get("retry-after"))
            if not self._streams:
                self.leave()
        elif self._streams and message.get("body"):
            # The last words do not wait: an end must not hang on a client that reads nothing.
            while link.slow and message.get("more_body", False):
                await link.free()
            link.put(self.number, message["body"])


def inner(bare: dict[str, Any], headers: list[tuple[bytes, bytes]], url: str, cursor: str) -> Scope | None:
    """Make the scope of a GET; None where the URL is no path of this origin, or cannot be in a head."""
    parts = urlsplit(url)
    if not url.startswith("/") or parts.netloc or parts.scheme or not (url + cursor).isprintable():
        return None
    own = [(b"accept", b"text/event-stream")]
    if cursor:
        own.append((b"last-event-id", cursor.encode()))
    return {
        **bare,
        "method": "GET",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [*headers, *own],
    }


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
