"""Streams as routes: `/sse/<name>` for each, and an answer for the names that do not exist."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from tidewire.errors import BadRequest, BadStream, UnknownTopic
from tidewire.event_stream import EventStream
from tidewire.hub import Hub
from tidewire.mux import Mux
from tidewire.registry import sse_health
from tidewire.scripts import scripts_route
from tidewire.topic_stream import TopicStream
from tidewire.topics import Topic

LARGEST_SET = 100  # topics on one stream
LARGEST_NUMBER = 2**53 - 1  # what a browser's JavaScript can still count


class PerTab:
    """A stream that runs its generator once for each connection; an ASGI app, made by `per_tab`."""

    def __init__(
        self,
        name: str,
        path: str,
        generator: Callable[..., AsyncIterator[str | bytes]],
        events: Sequence[str] = (),
        contract: type[BaseModel] | None = None,
        instead: Callable[[Request], Response | None] | None = None,
        close: str = "",
        media: str = "text/html",
    ) -> None:
        if not inspect.isasyncgenfunction(generator):
            raise BadStream(f"per_tab({name!r}): expected an async generator (async def with yield), got {generator!r}")
        self.name = name
        self.path = path
        self.generator = generator
        self.events = tuple(events) or (name,)
        self.contract = contract
        self.instead = instead
        self.close = close
        self.media = media
        self.__doc__ = generator.__doc__
        self._takes = frozenset(inspect.signature(generator).parameters)

    @property
    def source(self) -> str:
        """The text of the generator, for a page that shows it."""
        return inspect.getsource(self.generator)

    @property
    def resumes(self) -> bool:
        """Tell whether a tab that returns goes on after the last number it has seen."""
        return "start" in self._takes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream to one connection."""
        if self.instead is not None:
            answer = await asyncio.to_thread(self.instead, Request(scope))  # it may read the database
            if answer is not None:
                return await answer(scope, receive, send)
        arguments = {name: value for name, value in scope["path_params"].items() if name in self._takes}
        if self.resumes:
            arguments["start"] = last_number(scope)
        if "after" in self._takes:
            arguments["after"] = next(iter(last_event_id(scope)), "")
        if "request" in self._takes:
            arguments["request"] = Request(dict(scope))  # a copy: the scope is emptied once the stream is handed over
        await EventStream(self.generator(**arguments), close=self.close)(scope, receive, send)


def per_tab(
    name: str,
    path: str | None = None,
    *,
    events: Sequence[str] = (),
    contract: type[BaseModel] | None = None,
    instead: Callable[[Request], Response | None] | None = None,
    close: str = "",
    media: str = "text/html",
) -> Callable[[Callable[..., AsyncIterator[str | bytes]]], PerTab]:
    """Make an async generator a stream of its own for each connection, at `/sse/<name>` or at `path`.

    A generator with a parameter `start: int` resumes: it is given the last number its tab has seen (0: none), which
    the tab says as Last-Event-ID or `?after=`; so give events their number as `id`. One with `after: str` is given all
    of what the tab says ("": nothing), for `follow`. One with `request` is given the starlette Request; one with the
    parameters of its path (`jobs/{id}`), those, as text.
    instead: a plain function that is asked before each stream begins, in a thread. What it answers is sent instead of
    the stream (404 for what does not exist, 204 for whoever has seen the end); None lets it begin.
    close: the event that says before the end why the server ends the stream (see EventStream).
    events: the names its messages bear; default: the name; `message` is what those without one are called. contract:
    the model of what its messages draw. media: the type of their data. All three are for catalogues: nothing is
    checked.
    """
    return lambda generator: PerTab(name, path or f"/sse/{name}", generator, events, contract, instead, close, media)


class Listen:
    """The endpoint of topics: of one (`/sse/<topic>`), or of several (`/sse/live?topic=a&topic=b`).

    `?format=json` sends the contract's JSON instead of the component. The hub is `app.state.hub`.
    """

    def __init__(self, topic: Topic[Any] | None = None) -> None:
        self.topic = topic
        self.names = frozenset({topic.name}) if topic and "{" not in topic.name else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the topics that the path and the query name."""
        hub = scope["app"].state.hub
        query = _query(scope)
        try:
            form = self._form(query)
            topics = await self._topics(hub, scope, query)
        except UnknownTopic as unknown:
            missing = JSONResponse({"error": f"no topic {unknown.name!r}", "topics": unknown.topics}, 404)
            return await missing(scope, receive, send)
        except BadRequest as bad:
            return await JSONResponse({"error": str(bad)}, 400)(scope, receive, send)
        await TopicStream(hub, topics, form, last_event_id(scope))(scope, receive, send)

    def _form(self, query: dict[str, list[str]]) -> str:
        form = query.get("format", ["html"])[-1]
        if form not in ("html", "json"):
            raise BadRequest(f"format: expected html or json, got {form!r}")
        return form

    async def _topics(self, hub: Hub, scope: Scope, query: dict[str, list[str]]) -> frozenset[str]:
        if self.names is not None:
            return self.names
        if self.topic is None:
            names = frozenset(query.get("topic", ()))
            if not 0 < len(names) <= LARGEST_SET:
                raise BadRequest(f"topic: expected 1 to {LARGEST_SET} of them, ?topic=a&topic=b, got {len(names)}")
        else:
            names = frozenset({self.topic.name.format(**scope["path_params"])})
        for name in names:
            if hub.topics.find(name).parameters(name):
                await asyncio.to_thread(hub.check, name)  # a topic's own rule may read the database
        return names


def stream_routes(streams: Iterable[PerTab | Topic[Any]]) -> list[BaseRoute]:
    """Make the routes of streams, /sse/live, /sse/mux, /sse-health, and /tidewire/live.js with what it needs.

    Other `/sse/...` get a 404 that names those that exist: put these routes after yours under `/sse/`, if you have any.
    """
    routes = [
        Route(one.path, one if isinstance(one, PerTab) else Listen(one), methods=["GET"], name=f"sse-{one.name}")
        for one in streams
    ]
    paths = sorted([*(route.path for route in routes), "/sse/live"])

    async def unknown_stream(request: Request) -> JSONResponse:
        return JSONResponse({"error": f"no stream {request.url.path}", "streams": paths}, 404)

    return [
        *routes,
        Route("/sse/live", Listen(), methods=["GET"], name="sse-live"),
        Route("/sse/mux", Mux(), methods=["POST"], name="sse-mux"),
        Route("/sse-health", sse_health, name="sse-health"),
        scripts_route(),
        Route("/sse/{path:path}", unknown_stream, name="sse-unknown"),
    ]


def last_event_id(scope: Scope) -> list[str]:
    """List what a client says it has seen: Last-Event-ID first (a reconnection's), then `?after=` (the page's)."""
    header = dict(scope["headers"]).get(b"last-event-id", b"")
    after = _query(scope).get("after", [])
    return [value for value in (header.decode("utf-8", "replace"), *after[-1:]) if value]


def last_number(scope: Scope) -> int:
    """Read the number a client has seen last; 0 where it says none, or nothing that makes sense."""
    for value in last_event_id(scope):
        if value.isascii() and value.isdigit() and len(value) <= 16 and int(value) <= LARGEST_NUMBER:
            return int(value)
    return 0


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1")) if scope["query_string"] else {}
