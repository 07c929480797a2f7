"""Streams as routes, and what a client says it has seen."""

import asyncio

import pytest
from asgi import Client
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from tidewire import SCRIPTS, BadStream, Tidewire, per_tab, sse_message, stream_routes
from tidewire.routes import LARGEST_NUMBER, last_number


@per_tab("numbers")
async def numbers(start: int = 0):
    """Count."""
    yield sse_message(start + 1, id=start + 1)


@per_tab("plain", path="/plain")
async def plain():
    yield sse_message("hello")


@per_tab("asked")
async def asked(request: Request):
    await asyncio.Event().wait() if "wait" in request.query_params else None
    yield sse_message(request.query_params["name"])


def gone(request: Request) -> Response | None:
    return Response(status_code=204) if request.path_params["name"] == "gone" else None


@per_tab("rooms/{name}", instead=gone)
async def room(name: str):
    yield sse_message(f"in {name}")


@pytest.fixture
def app():
    return Tidewire(Starlette(routes=stream_routes([numbers, plain, asked, room])))


async def read(app, path, query="", **headers):
    async with Client(app, path, query=query, **headers) as client:
        await client.done()
        return client.status, client.body


async def test_a_stream_has_its_path_and_its_name(app):
    assert [(s.name, s.path) for s in (numbers, plain)] == [("numbers", "/sse/numbers"), ("plain", "/plain")]
    assert "data: 1\n\n" in (await read(app, "/sse/numbers"))[1]
    assert "data: hello\n\n" in (await read(app, "/plain"))[1]


async def test_a_generator_is_given_the_request_that_asks_for_it(app):
    assert "data: Ada\n\n" in (await read(app, "/sse/asked", "name=Ada"))[1]


async def test_a_generator_is_given_the_parameters_of_its_path(app):
    assert "data: in lobby\n\n" in (await read(app, "/sse/rooms/lobby"))[1]


async def test_what_is_to_be_answered_instead_of_a_stream_is(app):
    assert await read(app, "/sse/rooms/gone") == (204, "")


def test_a_stream_shows_its_own_source():
    assert "yield sse_message(start + 1, id=start + 1)" in numbers.source
    assert numbers.__doc__ == "Count."


@pytest.mark.parametrize("wrong", [lambda: None, lambda: (yield)])
def test_anything_but_an_async_generator_function_is_refused(wrong):
    with pytest.raises(BadStream, match="async generator"):
        per_tab("wrong")(wrong)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_stream_is_only_read(app, method):
    async with Client(app, "/sse/numbers", method=method) as client:
        await client.done()
        assert client.status == 405


async def test_head_of_a_stream_ends(app):
    async with Client(app, "/sse/asked", query="name=x&wait=1", method="HEAD") as client:
        await client.done()
        assert client.status == 200


async def test_an_unknown_stream_names_those_that_exist(app):
    status, body = await read(app, "/sse/nothing")
    assert status == 404
    for name in ("/sse/nothing", "/sse/numbers", "/plain", "/sse/asked"):
        assert name in body


@pytest.mark.parametrize("path", [*SCRIPTS, "/tidewire/live-worker.js"])
async def test_the_scripts_of_a_live_page_are_there_and_an_old_one_is_never_kept_unasked(app, path):
    async with Client(app, path) as client:
        await client.done()
        assert client.status == 200
        assert client.headers["content-type"].startswith("text/javascript")
        assert client.headers["cache-control"] == "no-cache"
    assert (await read(app, path, if_none_match=client.headers["etag"]))[0] == 304


@pytest.mark.parametrize(
    ("header", "after", "start"),
    [
        ("41", None, 41),
        (None, "41", 41),
        ("41", "7", 41),  # a reconnection knows better than the page it is in
        ("nonsense", "7", 7),
        ("", "7", 7),
        (None, "7&after=8", 8),
        (None, None, 0),
    ],
)
async def test_a_stream_goes_on_after_what_its_client_has_seen(app, header, after, start):
    given = {} if header is None else {"last_event_id": header}
    _, body = await read(app, "/sse/numbers", f"after={after}" if after else "", **given)
    assert f"data: {start + 1}\n\n" in body


@given(value=st.text(st.characters(max_codepoint=255)) | st.integers().map(str), raw=st.binary())
@example(value=str(LARGEST_NUMBER), raw=b"")
@example(value=str(LARGEST_NUMBER + 1), raw=b"after=9007199254740992")
@example(value="9" * 5000, raw=b"after=" + b"9" * 5000)  # longer than int() takes
@example(value="\xb2", raw=b"after=%B2&after=%D9%A3")  # digits to str.isdigit(), no numbers to us
@example(value="-1", raw=b"after=-1&after=1e3&after=+4&after=1_000")
def test_a_last_event_id_that_makes_no_sense_counts_as_none(value, raw):
    sensible = value.isascii() and value.isdigit() and len(value) <= 16 and int(value) <= LARGEST_NUMBER
    scope = {"type": "http", "headers": [(b"last-event-id", value.encode("latin-1"))], "query_string": b""}
    assert last_number(scope) == (int(value) if sensible else 0)
    assert 0 <= last_number({"type": "http", "headers": [], "query_string": raw}) <= LARGEST_NUMBER
