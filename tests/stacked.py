"""A board of one stream behind the middleware that PROBE_STACK names, in its order from outside in."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response

from tidewire import Tidewire, per_tab, sse_message, stream_routes


class PassOn(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


STACK = {
    "session": Middleware(SessionMiddleware, secret_key="secret"),
    "gzip": Middleware(GZipMiddleware, minimum_size=1),
    "base": Middleware(PassOn),
}


@per_tab("words")
async def words() -> AsyncIterator[str]:
    try:
        for word in ("one", "two" * 1000, "three"):
            yield sse_message(word, id=1)
        await asyncio.Event().wait()
    finally:
        with Path(os.environ["PROBE_NOTES"]).open("a") as notes:
            notes.write("finally\n")


middleware = [STACK[name] for name in os.environ.get("PROBE_STACK", "").split()]
app = Tidewire(Starlette(routes=stream_routes([words]), middleware=middleware))
