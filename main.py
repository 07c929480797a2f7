"""Tidewire's live board: the table of contents. `python main.py`, then open many tabs."""

import logging
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fasthtml.core import FastHTML, StaticNoCache
from starlette.requests import Request
from starlette.routing import Mount

import tidewire
from components.page import Layout, NotFound, ServerError, headers
from guard import Guard
from settings import load
from streams import clock, counter, events, overview
from tidewire import Tidewire, stream_routes

log = logging.getLogger("tidewire")
settings = load(sys.argv[1:] if __name__ == "__main__" else None)

things = [clock.thing, counter.thing, events.thing]


async def lifespan(board: FastHTML) -> AsyncIterator[None]:
    """Open what the live things need, and close it after the last stream has ended."""
    yield


def not_found(request: Request, fault: Exception) -> Any:
    """Answer 404 with a page."""
    return NotFound(request.url.path)


def server_error(request: Request, fault: Exception) -> Any:
    """Answer 500 with a page that tells a reference, and nothing of the fault."""
    reference = secrets.token_hex(4)
    log.error("%s %s failed, reference %s", request.method, request.url.path, reference)
    return ServerError(reference)


board = FastHTML(
    title="Tidewire",
    default_hdrs=False,
    hdrs=headers(),
    body_wrap=Layout,
    htmlkw={"lang": "en"},
    canonical=False,
    session_cookie="tidewire",
    secret_key=settings.secret("session.key"),
    exception_handlers={404: not_found, 500: server_error},
    lifespan=lifespan,
)
board.state.things = board.state.navigation = things
for routes in (overview.routes, *(thing.routes for thing in things)):
    routes.to_app(board)
board.router.routes += [
    Mount("/static", StaticNoCache(directory=Path(__file__).parent / "static"), name="static"),
    Mount("/tidewire", StaticNoCache(directory=Path(tidewire.__file__).parent / "static"), name="tidewire"),
    *stream_routes(stream for thing in things for stream in thing.streams),
]
app = Tidewire(Guard(board, token=settings.secret("token"), hosts=[*settings.allowed_hosts, settings.host]))


def run(target: str = "main:app", app: Any = app) -> None:
    """Serve the board as the settings say, until Ctrl-C."""
    settings.check()
    settings.export()
    print(
        f"\n  Tidewire   {settings.origin}   (Ctrl-C to stop)\n"
        f"  Data       {settings.database.resolve()}\n"
        f"  Try        curl -N {settings.origin}/sse/counter\n",
        flush=True,
    )
    uvicorn.run(
        target if settings.reload or settings.workers > 1 else app,
        host=settings.host,
        port=settings.port,
        reload=settings.reload,
        workers=settings.workers,
        access_log=False,
    )


if __name__ == "__main__":
    run()
