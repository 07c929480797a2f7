"""The apps that fanout.py compares, each in a process of its own: `python benchmarks/fanout_apps.py tidewire 8000`.

Every app answers POST /publish?n=1 and streams at /sse/posts; all of them draw the same component.
"""

import asyncio
import contextlib
import os
import resource
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fasthtml.components import H3, Article, Footer, P, Small, Strong
from fasthtml.components import sse_message as fasthtml_message
from fasthtml.core import EventStream as FastHTMLStream
from fasthtml.core import FastHTML
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SECRET = "benchmark"
MARK = "@"  # once in each event: counted by the client, wherever a read cuts it


class Post(BaseModel):
    """A post."""

    n: int


def Card(n: int) -> Any:
    """Draw a post."""
    return Article(
        H3(f"Post {n}"), P("Drawn for ", Strong(MARK), " everybody"), Footer(Small("just now")), id=f"post-{n}"
    )


def tidewire(gather: float) -> Any:
    """Make a topic as the board has them: behind the guard, in FastHTML with its session, the journal on disk."""
    from guard import Guard
    from tidewire import Hub, Tidewire, sse_message, stream_routes, topic
    from tidewire.journal.sqlite import SQLiteJournal

    @topic("posts", Post, snapshot=lambda context: Card(0), event="post")
    async def posts(events: AsyncIterator[Any]) -> AsyncIterator[str]:
        async for event in events:
            yield sse_message(Card(event.data.n), event="post", id=event.id)

    async def publish(request: Request) -> Response:
        await request.app.state.hub.publish("posts", Post(n=int(request.query_params["n"])))
        return Response(status_code=204)

    async def lifespan(board: Any) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            journal = SQLiteJournal(Path(folder) / "posts.db")
            board.state.hub = hub = Hub(journal, [posts], gather=gather)
            await hub.open()
            yield
            await hub.close()

    board = FastHTML(default_hdrs=False, secret_key=SECRET, session_cookie="tidewire", lifespan=lifespan)
    board.router.routes += [Route("/publish", publish, methods=["POST"]), *stream_routes([posts])]
    return Tidewire(Guard(board, token=SECRET, hosts=["127.0.0.1"]))


class Queues(set[asyncio.Queue[Any]]):
    """A queue for each subscriber."""

    @contextlib.contextmanager
    def one(self) -> Any:
        """Add one for as long as it is used."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.add(queue)
        try:
            yield queue
        finally:
            self.discard(queue)

    def put(self, item: Any) -> None:
        """Put an item into each."""
        for queue in self:
            queue.put_nowait(item)


def sse_starlette() -> Any:
    """Make the same with sse-starlette: drawn once, a queue for each subscriber."""
    from sse_starlette.sse import EventSourceResponse

    queues = Queues()

    async def stream(request: Request) -> Response:
        async def events() -> AsyncIterator[dict[str, str]]:
            with queues.one() as queue:
                while True:
                    yield await queue.get()

        return EventSourceResponse(events())

    async def publish(request: Request) -> Response:
        n = int(request.query_params["n"])
        queues.put({"event": "post", "id": str(n), "data": Card(n).__html__().replace("\n", "")})
        return Response(status_code=204)

    return Starlette(routes=[Route("/sse/posts", stream), Route("/publish", publish, methods=["POST"])])


def seed() -> Any:
    """Make the same as FastHTML's examples do: a route, its EventStream, the component drawn for each subscriber."""
    queues = Queues()
    app = FastHTML(default_hdrs=False, secret_key=SECRET)

    async def events() -> AsyncIterator[str]:
        with queues.one() as queue:
            while True:
                yield fasthtml_message(Card(await queue.get()), event="post")

    @app.route("/sse/posts", methods=["GET"])
    async def stream() -> Any:
        return FastHTMLStream(events())

    async def publish(request: Request) -> Response:
        queues.put(int(request.query_params["n"]))
        return Response(status_code=204)

    app.router.routes += [Route("/publish", publish, methods=["POST"])]
    return app


class Bare(asyncio.Protocol):
    """The limit in Python: bytes that are there already, one write for each subscriber, and nothing else."""

    streams: set[Any] = set()  # noqa: RUF012 - of the process

    def connection_made(self, transport: Any) -> None:
        """Remember the socket."""
        self.transport = transport

    def connection_lost(self, fault: Exception | None) -> None:
        """Forget it."""
        self.streams.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        """Open a stream, or write the event to all of them."""
        if data.startswith(b"GET"):
            self.streams.add(self.transport)
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            return
        for stream in self.streams:
            stream.write(EVENT)
        self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


EVENT = f"id: abcdefgh-12345\nevent: post\ndata: {Card(12345).__html__()}\n\n".encode()


def bare(port: int) -> None:
    """Serve that."""
    import uvloop

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port, backlog=2048)
        await server.serve_forever()

    uvloop.run(serve())


def main(name: str, port: int, core: int) -> None:
    """Serve an app on one core until killed."""
    import uvicorn

    os.sched_setaffinity(0, {core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if name == "bare":
        return bare(port)
    kind, _, gather = name.partition(":")
    app = tidewire(float(gather)) if kind == "tidewire" else {"sse-starlette": sse_starlette, "seed": seed}[kind]()
    uvicorn.run(app, port=port, access_log=False, log_level="error")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
