"""An app of one stream behind middleware, under the outermost layer."""

import asyncio

from asgi import Client
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.routing import Route

from tidewire import EventStream, Tidewire, sse_message

SESSION = Middleware(SessionMiddleware, secret_key="secret")
GZIP = Middleware(GZipMiddleware, minimum_size=1)


class PassOn(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


BASE = Middleware(PassOn)
STACKS = {
    "nothing": [],
    "session": [SESSION],
    "gzip": [GZIP],
    "base": [BASE],
    "session, gzip, base": [SESSION, GZIP, BASE],
    "base, gzip, session": [BASE, GZIP, SESSION],
}


class Watched:
    """Middleware that tells whether the app behind it has returned, and what it sent."""

    def __init__(self, app):
        self.app = app
        self.returned = asyncio.Event()

    async def __call__(self, scope, receive, send):
        try:
            await self.app(scope, receive, send)
        finally:
            self.returned.set()


class Board:
    """An app of one stream, `/stream`, behind middleware; what it says and how it ended is the test's to see."""

    def __init__(self, *middleware, around=None):
        self.words = asyncio.Queue()
        self.closed = asyncio.Event()
        self.watched = Watched(Starlette(routes=[Route("/stream", self.stream)], middleware=list(middleware)))
        inner = self.watched if around is None else around(self.watched)
        self.app = Tidewire(inner)
        self.registry = self.app.registry

    async def stream(self, request: Request):
        async def words():
            try:
                while (word := await self.words.get()) is not None:
                    yield sse_message(word, id=1)
            finally:
                self.closed.set()

        return EventStream(words())

    def open(self, **headers):
        return Client(self.app, "/stream", accept_encoding="gzip", **headers)
