"""The outermost layer: whatever middleware stands in front of a stream, a client sees the same."""

import asyncio
import re

import pytest
from asgi import Client
from layered import STACKS, Board
from servers import UVICORN, Server, until
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from tidewire import Tidewire


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
