"""Streams as routes: `/sse/<name>` for each, and an answer for the names that do not exist."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tidewire.errors import BadStream
from tidewire.registry import sse_health
from tidewire.stream import EventStream

LARGEST_NUMBER = 2**53 - 1  # what a browser's JavaScript can still count


class PerTab:
    """A stream that runs its generator once for each connection; an ASGI app, made by `per_tab`."""

    def __init__(self, name: str, path: str, generator: Callable[..., AsyncIterator[str]]) -> None:
        if not inspect.isasyncgenfunction(generator):
            raise BadStream(f"per_tab({name!r}): expected an async generator (async def with yield), got {generator!r}")
        self.name = name
        self.path = path
        self.generator = generator
        self.__doc__ = generator.__doc__
        self._takes = frozenset(inspect.signature(generator).parameters)

    @property
    def source(self) -> str:
        """The text of the generator, for a page that shows it."""
        return inspect.getsource(self.generator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream to one connection."""
        arguments: dict[str, Any] = {}
        if "start" in self._takes:
            arguments["start"] = last_number(scope)
        if "request" in self._takes:
            arguments["request"] = Request(scope)
        await EventStream(self.generator(**arguments))(scope, receive, send)


def per_tab(name: str, path: str | None = None) -> Callable[[Callable[..., AsyncIterator[str]]], PerTab]:
    """Make an async generator a stream of its own for each connection, at `/sse/<name>` or at `path`.

    A generator with a parameter `start: int` resumes: it is given the last number its tab has seen (0: none), which
    the tab says as Last-Event-ID or `?after=`; so give events their number as `id`. One with a parameter `request`
    is given the starlette Request.
    """
    return lambda generator: PerTab(name, path or f"/sse/{name}", generator)


def stream_routes(streams: Iterable[PerTab]) -> list[Route]:
    """Make the routes of streams, of /sse-health, and last the 404 of any other `/sse/...`, which names them all."""
    routes = [Route(stream.path, stream, methods=["GET"], name=f"sse-{stream.name}") for stream in streams]
    paths = sorted(route.path for route in routes)

    async def unknown_stream(request: Request) -> JSONResponse:
        return JSONResponse({"error": f"no stream {request.url.path}", "streams": paths}, 404)

    return [
        *routes,
        Route("/sse-health", sse_health, name="sse-health"),
        Route("/sse/{path:path}", unknown_stream, name="sse-unknown"),
    ]


def last_event_id(scope: Scope) -> list[str]:
    """List what a client says it has seen: Last-Event-ID first (a reconnection's), then `?after=` (the page's)."""
    header = Headers(scope=scope).get("last-event-id")
    after = parse_qs(scope["query_string"].decode("latin-1")).get("after", [])
    return [value for value in (header, *after[-1:]) if value]


def last_number(scope: Scope) -> int:
    """Read the number a client has seen last; 0 where it says none, or nothing that makes sense."""
    for value in last_event_id(scope):
        if value.isascii() and value.isdigit() and len(value) <= 16 and int(value) <= LARGEST_NUMBER:
            return int(value)
    return 0
