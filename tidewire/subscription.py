"""Subscriptions: each an ordinary GET of an ordinary stream of this app, whose server is a link."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.types import Message, Scope

from tidewire.link import Link

if TYPE_CHECKING:
    from tidewire.mux import MuxStream

log = logging.getLogger("tidewire")

MOST = 1024  # on a link
# What a subscription is asked with: the bare keys of the link's request. Routes and middleware have put more into
# that scope (session, path_params, app), which is not the inner request's.
BARE = ("type", "asgi", "http_version", "scheme", "client", "server", "state")
NOT_IN_HEAD = frozenset("\r\n\0")  # all else may be in a Last-Event-ID: a tab, a no-break space
# Headers that speak of the link's own body or connection, or that each subscription says for itself.
NOT_PASSED_ON = ("accept", "connection", "content-", "expect", "if-", "last-event-id", "range", "transfer-encoding")


class Subscription:
    """One stream on a link: an ordinary GET of this app, whose server is the link."""

    __slots__ = ("_asked", "_gone", "_streams", "link", "number", "scope", "stream", "task")

    def __init__(self, stream: "MuxStream", number: int, scope: Scope | None) -> None:
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
        if self.scope is None or len(self.stream.subscriptions) > MOST:
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
            # Its number may have another already, where it was dropped.
            if self.stream.subscriptions.get(self.number) is self:
                del self.stream.subscriptions[self.number]
                if self._streams:
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
    # Before it is split: that would raise for "//[", and for what becomes it without its control characters.
    if not url.startswith("/") or url.startswith("//") or not url.isprintable() or set(cursor) & NOT_IN_HEAD:
        return None
    parts = urlsplit(url)
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


def bare_of(scope: Scope) -> tuple[dict[str, Any], list[tuple[bytes, bytes]]]:
    """Take what an inner request has of the link's: bare keys, and headers."""
    bare = {key: scope[key] for key in BARE if key in scope}
    bare["root_path"] = scope.get("app_root_path", scope.get("root_path", ""))
    return bare, [pair for pair in scope["headers"] if not pair[0].decode("latin-1").startswith(NOT_PASSED_ON)]
