"""The hand-over: a stream leaves its middleware where that is honest about it, and stays where it is not."""

import asyncio
import gc
import weakref
from functools import partial

import pytest
from asgi import turn
from layered import BASE, STACKS, Board


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
