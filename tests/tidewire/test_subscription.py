"""Subscriptions: what the request inside is given, and how its answer, its end and its failure are told."""

import asyncio

import pytest
from asgi import turn
from muxed import Board, heard, stream, told
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("/nowhere", {"status": 404, "type": "text/plain; charset=utf-8"}),
        ("/busy", {"status": 503, "type": "text/plain; charset=utf-8", "retry": "7"}),
        ("/sse-health", {"status": 200, "type": "application/json"}),
        ("/away", {"status": 307, "type": ""}),
        ("/broken", {"status": 500, "type": "text/plain; charset=utf-8"}),
        ("/sse/mux", {"status": 404, "type": "application/json"}),
        ("//elsewhere.example/sse/said", {"status": 400}),
        ("https://elsewhere.example/sse/said", {"status": 400}),
        ("//[", {"status": 400}),
        ("/\t/[", {"status": 400}),
        ("sse/said", {"status": 400}),
        ("/sse/said\r\nX: y", {"status": 400}),
    ],
)
async def test_what_is_no_stream_answers_with_its_status_alone(url, what):
    board = Board()
    async with board.ask(add=[[1, url, ""], stream(2)]) as link:
        await link.until(lambda: told(link, 1) and 2 in board.running)
        board.said(2, "fine")
        await link.until(lambda: "fine" in heard(link, 2))
        assert told(link, 1) == [what]
        assert heard(link, 1) == ""


async def test_an_inner_request_has_the_cookies_of_the_link_and_nothing_of_its_body_session_or_route():
    board = Board(Middleware(SessionMiddleware, secret_key="s"))
    async with board.ask(add=[[1, "/sse/said?a=%20b", "5"]], cookie="who=me", content_type="application/json") as link:
        await link.until(lambda: board.seen)
        request = board.seen[0]
        assert request.cookies == {"who": "me"}
        assert request.method == "GET"
        assert request.query_params["a"] == " b"
        assert request.headers["last-event-id"] == "5"
        assert "content-type" not in request.headers
        assert request.url.path == "/sse/said"
        assert board.runs == [5]


@pytest.mark.parametrize("cursor", ["a\tb", "a\xa0b", "\u00e9\u20ac", "\x85", "x" * 10_000])
async def test_a_stream_goes_on_after_whatever_id_its_events_have(cursor):
    board = Board()
    async with board.ask(add=[[1, "/sse/after", cursor]]) as link:
        await link.until(lambda: board.afters)
        assert board.afters == [cursor]
        assert told(link, 1)[0]["status"] == 200


@pytest.mark.parametrize("cursor", ["a\r\nX: y", "a\nb", "\0"])
async def test_an_id_that_can_be_in_no_head_is_refused(cursor):
    board = Board()
    async with board.ask(add=[[1, "/sse/after", cursor]]) as link:
        await link.until(lambda: told(link, 1))
        assert told(link, 1) == [{"status": 400}]


async def test_a_number_that_was_dropped_may_be_another_streams_at_once():
    board = Board()
    async with board.ask(add=[stream(1)]) as link:
        await link.until(lambda: 1 in board.running)
        name = link.headers["tidewire-link"]
        async with board.ask([name], [[1, "/sse/said", "2"]], [1]) as more:
            await more.done()
        await link.until(lambda: board.ended == [1] and 2 in board.running)
        board.said(2, "mine")
        await link.until(lambda: "mine" in heard(link, 1))
        assert {"end": True} not in told(link, 1)
        async with board.ask([name], drop=[1]) as more, asyncio.timeout(5):
            while board.ended != [1, 2]:
                await turn()


async def test_a_stream_that_ends_says_so_and_its_number_is_free_again():
    board = Board()
    async with board.ask(add=[stream(1)]) as link:
        await link.until(lambda: 1 in board.running)
        board.said(1, None)
        await link.until(lambda: told(link, 1)[-1:] == [{"end": True}])
        async with board.ask([link.headers["tidewire-link"]], [stream(1)]) as more:
            await more.done()
        await link.until(lambda: board.runs == [1, 1])


async def test_a_generator_that_fails_fails_alone(caplog):
    board = Board()
    async with board.ask(add=[[1, "/sse/failing", ""], stream(2)]) as link:
        await link.until(lambda: {"end": True} in told(link, 1) and 2 in board.running)
        board.said(2, "fine")
        await link.until(lambda: "fine" in heard(link, 2))
        assert "event: stream-error" in heard(link, 1)
        assert "secret" not in link.body
