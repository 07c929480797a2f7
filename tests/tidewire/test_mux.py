import asyncio
import gc
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgi import Client, turn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

from tidewire import per_tab, sse_message, stream_routes
from tidewire.layer import Tidewire
from tidewire.subscription import MOST


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


async def test_a_chunk_for_many_subscriptions_goes_over_the_wire_once():
    board = Board()
    async with board.ask(add=[stream(1), stream(2)]) as link:
        await link.until(lambda: len(board.running) == 2)
        live = next(iter(connection for connection in board.app.registry if connection.link is None))
        live.put(1, b"data: same\n\n")
        live.put(2, live._frames[-1][1])
        await link.until(lambda: "same" in heard(link, 2))
        assert link.body.count("same") == 1
        assert "same" in heard(link, 1)


async def test_what_is_said_in_one_turn_of_the_loop_is_one_write():
    board = Board()
    async with board.ask(add=[stream(n) for n in range(1, 31)]) as link:
        await link.until(lambda: len(board.running) == 30)
        await turn()
        before = len(link.messages)
        for number in range(1, 31):
            board.said(number, "tick")
        await link.until(lambda: link.body.count("tick") == 30)
        assert len(link.messages) == before + 1


async def test_chunks_of_foreign_streams_come_as_they_are_and_cannot_pose_as_frames():
    board = Board()
    async with board.ask(add=[[1, "/foreign", ""]]) as link:
        await link.until(lambda: {"end": True} in told(link, 1))
        assert heard(link, 1) == "data: split\r\n\r\ndata: \U0001f30a\n\n"
    async with board.ask(add=[stream(2)]) as link:
        await link.until(lambda: 2 in board.running)
        board.running[2].put_nowait(':9 {"status":200}\n:9 5\nevil!\n\n')
        await link.until(lambda: "evil" in heard(link, 2))
        assert told(link, 9) == []


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


async def test_a_slow_link_holds_its_streams_back_and_lets_them_go_on():
    board = Board()
    async with board.ask(add=[[1, "/sse/flood", ""], stream(2)]) as link:
        await link.until(lambda: "xxx" in heard(link, 1) and 2 in board.running)
        link.stall()
        board.said(2, "late")
        for _ in range(50):
            await turn()
        connection = next(iter(one for one in board.app.registry if one.link is None))
        assert connection._gathered < 3 * 64 * 1024
        before = link.body.count("x")
        link._reading.set()
        await link.until(lambda: "late" in heard(link, 2) and link.body.count("x") > before)


async def test_a_stalled_link_delays_no_other():
    board = Board()
    async with board.ask(add=[[1, "/sse/flood", ""]]) as slow, board.ask(add=[stream(2)]) as other:
        await slow.until(lambda: "xxx" in slow.body and 2 in board.running)
        slow.stall()
        for number in range(10):
            board.said(2, f"tick {number}")
        await other.until(lambda: "tick 9" in heard(other, 2))


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


async def test_a_stop_ends_every_stream_runs_every_finally_and_says_when_to_come_back():
    board = Board()
    async with board.ask(add=[stream(1), stream(2), [3, "/deaf", ""]]) as link:
        await link.until(lambda: len(board.running) == 2 and told(link, 3))
        board.app.lifecycle.stop()
        await link.done()
        retry = int(re.search(r"retry: (\d+)\n\n$", link.body)[1])
        assert 500 <= retry <= 2500
        assert not any("end" in what for number in (1, 2, 3) for what in told(link, number))
        assert sorted(board.ended) == [-1, 1, 2]
    async with board.ask(add=[stream(1)]) as refused:
        await refused.done()
        assert refused.status == 503


async def test_a_client_that_leaves_ends_every_stream_also_those_that_do_not_listen():
    board = Board()
    async with board.ask(add=[stream(1), [2, "/deaf", ""]]) as link:
        await link.until(lambda: len(board.running) == 1 and told(link, 2))
        link.leave()
        await link.done()
    assert sorted(board.ended) == [-1, 1]


async def test_a_heartbeat_keeps_the_link_awake():
    board = Board()
    board.app.registry.heartbeat = 0.0
    async with board.ask(add=[stream(1)]) as link:
        await link.until(lambda: link.body.endswith(":\n\n"))


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


async def test_a_link_that_has_ended_leaves_nothing_behind():
    board = Board()
    async with board.ask(add=[stream(1), stream(2)]) as link:
        await link.until(lambda: len(board.running) == 2)
    del link
    board.seen.clear()
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one).__name__ in ("Link", "MuxStream", "Subscription")]
    assert board.app.registry.inside == set()
