"""Many streams over one connection: who becomes a link, what is added to it and dropped, and what is refused."""

from typing import Any

import pytest
from asgi import Client
from muxed import Board, heard, stream, told
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request

from tidewire import stream_routes
from tidewire.subscription import MOST


async def test_many_streams_come_over_one_connection_each_with_its_status_and_what_it_says():
    board = Board()
    async with board.ask(add=[stream(1), stream(2)]) as link:
        await link.until(lambda: "open" in link.body and len(board.running) == 2)
        board.said(1, "hello")
        board.said(2, "there")
        await link.until(lambda: "there" in heard(link, 2) and "hello" in heard(link, 1))
        assert link.status == 200
        assert link.headers["content-type"].startswith("text/event-stream")
        assert told(link, 1) == [{"status": 200, "type": "text/event-stream; charset=utf-8"}]
        assert "hello" not in heard(link, 2)
        assert board.health["active_connections"] == 1
        assert board.health["subscriptions"] == 2
        assert [one["stream"] for one in board.health["connections"][0]["subscriptions"]] == ["/sse/said"] * 2
    assert sorted(board.ended) == [1, 2]
    assert board.health["active_connections"] == board.health["subscriptions"] == 0


async def test_adding_and_dropping_disturb_no_other_subscription():
    board = Board()
    async with board.ask(add=[stream(1), stream(2)]) as link:
        await link.until(lambda: len(board.running) == 2)
        async with board.ask([link.headers["tidewire-link"]], [stream(3)], [2]) as more:
            await more.done()
        assert more.status == 202
        assert more.headers["tidewire-link"] == link.headers["tidewire-link"]
        await link.until(lambda: told(link, 3))
        board.said(1, "still here")
        await link.until(lambda: "still here" in heard(link, 1))
        assert board.runs == [1, 2, 3]
        assert board.ended == [2]


async def test_a_process_that_owns_none_of_the_links_becomes_a_new_one():
    board = Board()
    async with board.ask(["of-another-process"], [stream(1)]) as link:
        await link.until(lambda: board.runs == [1])
        assert link.status == 200


@pytest.mark.parametrize(("on", "add"), [(["x"], []), ([], []), (["x", "y", "z"], [[1, "/sse/said", ""]])])
async def test_nothing_to_add_or_links_enough_make_no_new_link_but_send_the_browser_on(on, add):
    async with Board().ask(on, add) as answer:
        await answer.done()
        assert answer.status == 409
        assert answer.headers["connection"] == "close"


async def test_a_link_is_known_before_its_first_byte_can_be_answered():
    board = Board()
    async with board.ask(add=[stream(1)]) as link:
        await link.until(lambda: link.messages)
        async with board.ask([link.headers["tidewire-link"]], [stream(2)]) as more:
            await more.done()
        assert more.status == 202
        await link.until(lambda: sorted(board.runs) == [1, 2])


async def test_links_have_ids_of_128_random_bits():
    board = Board()
    async with board.ask(add=[stream(1)]) as one, board.ask(add=[stream(2)]) as other:
        await other.until(lambda: one.messages and other.messages)
        names = {one.headers["tidewire-link"], other.headers["tidewire-link"]}
        assert len(names) == 2
        assert all(len(name) == 22 for name in names)


async def test_a_link_carries_1024_subscriptions_and_refuses_more():
    board = Board()
    async with board.ask(add=[[number, "/sse/said", str(number)] for number in range(1, MOST + 1)]) as link:
        await link.until(lambda: len(board.running) == MOST, 20)
        async with board.ask([link.headers["tidewire-link"]], [[9999, "/sse/said", "1"]]) as more:
            await more.done()
        await link.until(lambda: told(link, 9999))
        assert told(link, 9999) == [{"status": 429}]
        board.said(7, "fine")
        await link.until(lambda: "fine" in heard(link, 7))


async def test_behind_middleware_that_keeps_its_streams_it_works_as_well():
    async def pass_on(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    board = Board(Middleware(BaseHTTPMiddleware, dispatch=pass_on))
    async with board.ask(add=[stream(1)]) as link:
        await link.until(lambda: 1 in board.running)
        board.said(1, "hello")
        await link.until(lambda: "hello" in heard(link, 1))
        async with board.ask([link.headers["tidewire-link"]], [stream(2)]) as more:
            await more.done()
        await link.until(lambda: 2 in board.running)
        link.leave()
        await link.done()
    assert sorted(board.ended) == [1, 2]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"add": [[1]]}', b'{"add": [[-1, "/x", ""]]}', b'{"on": 7}'])
async def test_a_request_that_makes_no_sense_is_refused(content):
    async with Client(Board().app, "/sse/mux", method="POST", content=content) as answer:
        await answer.done()
        assert answer.status == 400


async def test_without_the_outermost_layer_it_says_what_is_missing():
    app = Starlette(routes=stream_routes([]))
    async with Client(app, "/sse/mux", method="POST", content=b"{}") as answer:
        await answer.done()
        assert answer.status == 501
