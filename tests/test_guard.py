"""What the board lets in, and the policy on every response."""

import pytest
from asgi import Client
from starlette.responses import PlainTextResponse

from guard import POLICY, Guard

PATHS = ["/", "/clock", "/nothing", "/broken", "/static/board.css", "/static/nothing", "/sse-health", "/sse/nothing"]


@pytest.fixture
def guard():
    return Guard(PlainTextResponse("in"), token="the-token", hosts=["127.0.0.1", "board.example"])


async def ask(guard, method="GET", **headers):
    async with Client(guard, method=method, **headers) as client:
        await client.done()
        return client.status


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:5001", "board.example:80", "BOARD.example", "board.example:"])
async def test_a_host_that_is_ours_is_let_in(guard, host):
    assert await ask(guard, host=host) == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "127.0.0.1:x", "evil@127.0.0.1", "sub.board.example", "\xff"]
)
async def test_another_host_is_refused_or_a_page_elsewhere_could_read_the_board(guard, host):
    assert await ask(guard, host=host) == 400


async def test_a_star_lets_every_host_in():
    assert await ask(Guard(PlainTextResponse("in"), token="t", hosts=["*"]), host="any.example") == 200


OURS, THEIRS, PORT = "http://127.0.0.1:5001", "http://evil.example", "http://127.0.0.1:8000"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "none"}, 403),
        ({"sec_fetch_site": "cross-site", "origin": OURS}, 403),
        ({"origin": OURS}, 200),
        ({"origin": THEIRS}, 403),
        ({"origin": PORT}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "http://\xff"}, 403),
        ({"cookie": "tidewire=x"}, 403),
        ({"referer": OURS}, 403),
        ({"authorization": "Bearer the-token"}, 200),
        ({"authorization": "bearer  the-token"}, 200),
        ({"authorization": "Bearer the-token", "sec_fetch_site": "cross-site"}, 200),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer \xff"}, 401),
        ({"authorization": "Bearer wrong", "sec_fetch_site": "same-origin"}, 401),
        ({"authorization": "Basic the-token"}, 403),
    ],
)
async def test_an_unsafe_method_needs_the_same_origin_or_the_token(guard, method, headers, status):
    assert await ask(guard, method, **headers) == status


@pytest.mark.parametrize(
    ("path", "length", "status"), [("/", 2**21, 413), ("/large", 2**21, 200), ("/large", 2**23, 413)]
)
async def test_a_body_is_as_large_as_its_path_may_take(path, length, status):
    guard = Guard(PlainTextResponse("in"), token="t", hosts=["*"], larger={"/large": 2**22})
    async with Client(guard, path, method="POST", authorization="Bearer t", content_length=str(length)) as client:
        await client.done()
        assert client.status == status


@pytest.mark.parametrize(("path", "status"), [("/" + "9" * 2047, 200), ("/" + "9" * 2048, 414)])
async def test_a_path_has_an_end(guard, path, status):
    async with Client(guard, path, host="board.example") as client:
        await client.done()
        assert client.status == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_safe_method_needs_neither(guard, method):
    assert await ask(guard, method, sec_fetch_site="cross-site", origin=THEIRS) == 200


async def test_a_refusal_carries_the_policy_too(guard):
    async with Client(guard, method="POST") as client:
        await client.done()
        assert {*POLICY} <= {(name.encode(), value.encode()) for name, value in client.headers.items()}


@pytest.mark.parametrize("path", PATHS)
def test_every_response_of_the_board_carries_the_policy(probe, path):
    headers = probe.get(path).headers
    assert "script-src 'self';" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_stream_carries_the_policy_too(probe):
    with probe.open("/sse/counter") as stream:
        head = stream.read_until(b"\r\n\r\n").lower()
    assert all(b"\r\n%b: %b\r\n" % pair in head for pair in POLICY)


def test_the_session_cookie_is_for_this_site_and_not_for_scripts(probe):
    cookie = probe.get("/remember").headers["set-cookie"]
    assert cookie.startswith("tidewire=")
    assert {"httponly", "samesite=lax"} <= {part.strip().lower() for part in cookie.split(";")}


def test_the_board_itself_refuses_a_foreign_host_and_an_unsafe_method_from_elsewhere(probe):
    assert probe.get("/", headers={"Host": "evil.example"}).status_code == 400
    with probe.open("/sse/counter", headers={"Host": "evil.example"}) as stream:
        assert stream.read_until(b"\r\n").startswith(b"HTTP/1.1 400 ")
