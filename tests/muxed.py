"""An app whose streams are carried by links, and what came over a link."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from asgi import Client, turn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

from tidewire import per_tab, sse_message, stream_routes
from tidewire.layer import Tidewire


class Board:
    """An app whose streams a test speaks through: board.said(1, "hello") says it to the stream with start=1."""

    def __init__(self, *middleware: Middleware) -> None:
        self.running: dict[int, asyncio.Queue[str | None]] = {}
        self.runs: list[int] = []
        self.ended: list[int] = []
        self.afters: list[str] = []
        self.seen: list[Request] = []

        @per_tab("said")
        async def said(request: Request, start: int = 0) -> AsyncIterator[str]:
            self.seen.append(request)
            self.runs.append(start)
            self.running[start] = asyncio.Queue()
            try:
                while (text := await self.running[start].get()) is not None:
                    yield text
            finally:
                self.ended.append(start)

        @per_tab("after")
        async def after(after: str = "") -> AsyncIterator[str]:
            self.afters.append(after)
            yield sse_message("here")

        @per_tab("flood")
        async def flood() -> AsyncIterator[str]:
            while True:
                yield sse_message("x" * 10_000)
                await turn()

        @per_tab("failing")
        async def failing() -> AsyncIterator[str]:
            yield sse_message("here")
            raise ValueError("secret")

        async def foreign() -> AsyncIterator[bytes]:
            for part in (b"data: sp", b"lit\r", b"\n\r\ndata: \xf0\x9f", b"\x8c\x8a\n\n"):
                yield part

        async def deaf(scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.append(-1)

        def busy(request: Request) -> PlainTextResponse:
            return PlainTextResponse("no", 503, {"Retry-After": "7"})

        def broken(request: Request) -> None:
            raise ValueError("secret")

        class Deaf:
            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                await deaf(scope, receive, send)

        self.app = Tidewire(
            Starlette(
                routes=[
                    Route("/foreign", lambda _: StreamingResponse(foreign(), media_type="text/event-stream")),
                    Route("/deaf", Deaf()),
                    Route("/busy", busy),
                    Route("/broken", broken),
                    Route("/away", lambda _: RedirectResponse("/sse/said")),
                    *stream_routes([said, after, flood, failing]),
                ],
                middleware=list(middleware),
            )
        )

    def said(self, start: int, text: str | None) -> None:
        self.running[start].put_nowait(text if text is None else sse_message(text))

    def ask(self, on: list[str] = (), add: list[Any] = (), drop: list[int] = (), **headers: str) -> Client:
        content = json.dumps({"on": list(on), "add": list(add), "drop": list(drop)}).encode()
        return Client(self.app, "/sse/mux", method="POST", content=content, **headers)

    @property
    def health(self) -> dict[str, Any]:
        return self.app.registry.health()


def stream(number: int) -> list[Any]:
    return [number, "/sse/said", str(number)]


def frames(link: Client) -> list[tuple[list[int], Any]]:
    """What came over a link: (numbers, bytes or what is told)."""
    rest = b"".join(message.get("body", b"") for message in link.messages[1:])
    found = []
    while rest:
        line, _, rest = rest.partition(b"\n")
        if match := re.fullmatch(rb":([\d,]+) (?:(\d+)|(\{.*\}))", line):
            size = int(match[2] or 0)
            found.append((list(map(int, match[1].split(b","))), json.loads(match[3]) if match[3] else rest[:size]))
            rest = rest[size:]
    return found


def heard(link: Client, number: int) -> str:
    """What a stream has said."""
    return b"".join(b for numbers, b in frames(link) for n in numbers if n == number and isinstance(b, bytes)).decode()


def told(link: Client, number: int) -> list[dict[str, Any]]:
    return [what for numbers, what in frames(link) if numbers == [number] and isinstance(what, dict)]
