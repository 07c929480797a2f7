"""The outermost layer: whatever middleware stands in front of a stream, a client sees the same."""

import asyncio
import gc
import re
import weakref
from functools import partial

import pytest
from asgi import Client, turn
from servers import UVICORN, Server, until
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
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


@pytest.fixture(params=STACKS)
def board(request):
    return Board(*STACKS[request.param])


def seen(client):
    """What a client sees, but for the number that is drawn for it."""
    return client.status, sorted(client.headers.items()), [m.get("body") for m in client.messages[2:] if m.get("body")]


async def life(board):
    async with board.open() as client:
        await client.until(lambda: ": open" in client.body)
        board.words.put_nowait("one")
        await client.until(lambda: "one" in client.body)
        board.words.put_nowait("two" * 1000)
        await client.until(lambda: "two" in client.body)
        board.words.put_nowait(None)
        await client.done()
        assert client.ended
        return seen(client)


async def test_no_middleware_changes_the_bytes_or_headers_that_a_client_sees(board):
    assert await life(board) == await life(Board())


async def test_behind_any_middleware_a_client_that_leaves_is_noticed(board):
    async with board.open() as client:
        board.words.put_nowait("one")
        await client.until(lambda: "one" in client.body)
        client.leave()
        await client.done(0.5)
        assert board.closed.is_set()
        assert len(board.registry) == 0
        assert not board.registry.inside


async def test_behind_any_middleware_a_stop_ends_in_an_orderly_way(board):
    async with board.open() as client:
        board.words.put_nowait("one")
        await client.until(lambda: "one" in client.body)
        board.registry.stop()
        await client.done(0.5)
        assert ": stop\nretry: " in client.body
        assert client.ended
        assert board.closed.is_set()
        assert not board.registry.inside


@pytest.mark.parametrize("stack", ["nothing", "session", "gzip"])
async def test_a_stream_that_has_begun_has_left_its_middleware(stack):
    board = Board(*STACKS[stack])
    async with board.open() as client:
        await client.until(lambda: ": open" in client.body)
        await asyncio.wait_for(board.watched.returned.wait(), 5)
        board.words.put_nowait("one")
        await client.until(lambda: "one" in client.body)
        assert not board.registry.inside


async def test_what_the_app_has_put_into_the_request_is_freed_while_the_stream_goes_on():
    class Heavy:
        pass

    kept = []

    def around(app):
        async def middleware(scope, receive, send):
            scope["heavy"] = Heavy()
            kept.append(weakref.ref(scope["heavy"]))
            await app(scope, receive, send)

        return middleware

    board = Board(around=around)
    async with board.open() as client:
        await asyncio.wait_for(board.watched.returned.wait(), 5)
        await turn()
        gc.collect()
        assert kept[0]() is None
        assert not {"heavy", "router", "endpoint", "tidewire"} & set(client.scope)


async def test_a_stream_that_middleware_answers_for_stays_inside():
    board = Board(BASE)
    async with board.open() as client:
        board.words.put_nowait("one")
        await client.until(lambda: "one" in client.body)
        assert not board.watched.returned.is_set()
        assert len(board.registry.inside) == 1


def replacing(app, scope, receive, send):
    async def shout(message):
        if message["type"] == "http.response.body":
            message = {**message, "body": message["body"].upper()}
        await send(message)

    return app(scope, receive, shout)


def in_place(app, scope, receive, send):
    async def shout(message):
        if message["type"] == "http.response.body":
            message["body"] = message["body"].upper()
        await send(message)

    return app(scope, receive, shout)


@pytest.mark.parametrize("shouting", [replacing, in_place])
async def test_middleware_that_rewrites_bodies_rewrites_all_of_them(shouting):
    board = Board(around=lambda app: partial(shouting, app))
    async with board.open() as client:
        board.words.put_nowait("one")
        await client.until(lambda: "ONE" in client.body.upper())
        assert ": OPEN" in client.body
        assert "DATA: ONE" in client.body


async def test_what_middleware_sends_after_the_hand_over_is_swallowed():
    def around(app):
        async def talkative(scope, receive, send):
            await app(scope, receive, send)
            await send({"type": "http.response.body", "body": b"<!-- took 3 ms -->", "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        return talkative

    board = Board(around=around)
    async with board.open() as client:
        board.words.put_nowait("one")
        await client.until(lambda: "one" in client.body)
        assert "took" not in client.body
        assert not client.ended


async def test_middleware_that_fails_after_the_hand_over_does_not_break_the_stream(caplog):
    def around(app):
        async def failing(scope, receive, send):
            await app(scope, receive, send)
            raise ValueError("behind the stream")

        return failing

    board = Board(around=around)
    async with board.open() as client:
        board.words.put_nowait("one")
        await client.until(lambda: "one" in client.body)
        assert not client.ended
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]


async def test_a_page_that_fails_fails_as_without_the_layer():
    async def broken(scope, receive, send):
        raise ValueError("a page")

    async with Client(Tidewire(broken)) as client:
        with pytest.raises(ValueError, match="a page"):
            await client.done()


async def test_what_is_no_stream_passes_through_untouched():
    app = Tidewire(PlainTextResponse("hello"))
    async with Client(app) as client:
        await client.done()
        assert (client.status, client.body, client.ended) == (200, "hello", True)
    assert not app.registry.inside


async def test_a_start_without_headers_is_no_fault():
    async def bare(scope, receive, send):
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with Client(Tidewire(bare)) as client:
        await client.done()
        assert client.status == 204


class Foreign:
    """A stream that is not ours."""

    def __init__(self, background=None):
        self.closed = asyncio.Event()
        self.background = background

    async def __call__(self, scope, receive, send):
        async def words():
            try:
                yield "data: here\n\n"
                if self.background is None:
                    await asyncio.Event().wait()
            finally:
                self.closed.set()

        await StreamingResponse(words(), media_type="text/event-stream", background=self.background)(
            scope, receive, send
        )


@pytest.mark.parametrize("stack", STACKS)
async def test_a_stream_that_is_not_ours_ends_properly_when_it_is_cut(stack):
    foreign = Foreign()
    app = Tidewire(Starlette(routes=[Route("/", foreign, methods=["GET"])], middleware=STACKS[stack]))
    async with Client(app) as client:
        await client.until(lambda: "here" in client.body)
        [exchange] = app.registry.inside
        exchange.cancel()
        await client.done(2)
        assert client.ended
        assert foreign.closed.is_set()
        assert not app.registry.inside


async def test_work_that_goes_on_after_a_stream_is_not_cut():
    working, enough, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def background():
        working.set()
        await enough.wait()
        finished.set()

    app = Tidewire(Foreign(background))
    async with Client(app) as client:
        await asyncio.wait_for(working.wait(), 5)
        assert client.ended
        assert not app.registry.inside
        enough.set()
        await client.done()
    assert finished.is_set()


def seen_from_outside(server):
    """What a client of a real server sees of a stream that the server ends: headers and body, without what varies."""
    with server.open("/sse/words", headers={"Accept-Encoding": "gzip"}) as stream, server.open("/sse/words") as leaver:
        for each in (stream, leaver):
            each.read_until(b"data: three\n\n")
        leaver.sock.close()
        until(lambda: server.notes == ["finally"], 5)
        assert server.stop() < 5
        stream.read_to_end()
    assert stream.raw.endswith(b"\r\n0\r\n\r\n")
    head, *_ = stream.raw.partition(b"\r\n\r\n")
    headers = sorted(line for line in head.lower().split(b"\r\n") if not line.startswith(b"date:"))
    return headers, re.sub(r"retry: \d+", "retry: N", stream.text)


def test_on_a_real_server_no_middleware_changes_what_a_client_sees(tmp_path):
    seen = {}
    for stack in ("", "session gzip", "session gzip base", "base session gzip"):
        folder = tmp_path / (stack or "bare")
        folder.mkdir()
        with Server(folder, UVICORN, program="stacked", env={"PROBE_STACK": stack}) as server:
            seen[stack] = seen_from_outside(server)
            assert server.notes == ["finally"] * 2
            assert server.complaints() == []
    assert ": stop\nretry: N\n\n" in seen[""][1]
    assert [stack for stack in seen if seen[stack] != seen[""]] == []


async def test_a_websocket_is_none_of_its_business():
    reached = []

    async def app(scope, receive, send):
        reached.append(scope["type"])

    await Tidewire(app)({"type": "websocket"}, None, None)
    assert reached == ["websocket"]
