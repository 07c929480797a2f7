"""How often may be published, and what those are told who do it more often."""

import pytest
from asgi import Client
from httpx import post
from programs import Program
from servers import until
from starlette.responses import PlainTextResponse

import throttle
from throttle import Throttle

TOKEN = {"authorization": "Bearer the-token"}


@pytest.fixture
def clock(monkeypatch):
    """The time, which passes when told to."""

    class Clock:
        now = 1_000_000.0

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr("time.time", clock.time)
    return clock


async def ask(app, method="POST", path="/notifications", address="10.0.0.1", **headers):
    client = Client(app, path, method=method, **headers)
    client.scope["client"] = (address, 50_000)
    async with client:
        await client.done()
        return client


async def statuses(app, count, **given):
    return [(await ask(app, **given)).status for _ in range(count)]


def limited(limits="3/second"):
    return Throttle(PlainTextResponse("in"), limits)


async def test_who_asks_too_often_is_told_when_to_ask_again_and_is_let_in_then(clock):
    app = limited("3/minute")
    for _ in range(3):
        assert (await ask(app, **TOKEN)).status == 200
        clock.now += 10
    refused = await ask(app, **TOKEN)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "30"  # a minute after the first
    assert refused.body == "Too many: at most 3 per minute. Ask again in 30 s.\n"
    clock.now += 29.9
    assert (await ask(app, **TOKEN)).headers["retry-after"] == "1"
    clock.now += 0.2
    assert await statuses(app, 4, **TOKEN) == [200, 200, 200, 429]


async def test_a_refused_request_does_not_count(clock):
    app = limited("2/second,4/minute")
    assert await statuses(app, 50, **TOKEN) == [200] * 2 + [429] * 48
    clock.now += 1.1
    assert await statuses(app, 3, **TOKEN) == [200, 200, 429]
    clock.now += 1.1
    assert int((await ask(app, **TOKEN)).headers["retry-after"]) == 58


async def test_each_address_and_each_token_counts_for_itself_and_pages_apart_from_programs(clock):
    app = limited()
    for given in (TOKEN, {**TOKEN, "address": "10.0.0.2"}, {"authorization": "Bearer other"}, {}):
        assert await statuses(app, 4, **given) == [200, 200, 200, 429]


@pytest.mark.parametrize("spelt", ["bearer the-token", "Bearer   the-token", "BEARER the-token "])
async def test_a_token_spelt_otherwise_is_the_same_client(clock, spelt):
    app = limited()
    assert await statuses(app, 3, **TOKEN) == [200] * 3
    assert await statuses(app, 1, authorization=spelt) == [429]


@pytest.mark.parametrize("given", [{"method": "GET"}, {"method": "HEAD"}, {"path": "/sse/mux"}], ids=str)
async def test_reading_and_streams_are_not_limited(clock, given):
    assert await statuses(limited("1/hour"), 5, **given) == [200] * 5


async def test_off_is_without_limit(clock):
    assert await statuses(limited("off"), 50) == [200] * 50


async def test_who_asks_no_more_is_forgotten(clock):
    app = limited("1/second")
    for n in range(100):
        await ask(app, address=f"10.0.0.{n}")
    clock.now += 2
    await ask(app)
    until(lambda: len(app.limiter.storage.storage) <= 1)


def test_a_limit_of_several_units_is_said_in_the_plural():
    assert throttle.said(limited("5/2 minute").limits[0]) == "5 per 2 minutes"


def test_a_program_refused_by_the_board_publishes_once_when_it_asks_again_with_its_key(serve):
    board = serve(env={"TIDEWIRE_RATE_LIMIT": "2/2 second"})
    program = Program(board)
    key = {"Idempotency-Key": "the third"}
    answers = [program.post("/notifications", data={"message": "x"}) for _ in range(2)]
    refused = program.post("/notifications", data={"message": "third"}, headers=key)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert refused.status_code == 429
    assert refused.headers["retry-after"] in ("1", "2")
    assert "content-security-policy" in refused.headers
    wrong = post(f"{board.url}/notifications", headers={"Authorization": "Bearer wrong"}, trust_env=False)
    assert wrong.status_code == 401  # asked before it is counted
    again = until(
        lambda: (answer := program.post("/notifications", data={"message": "third"}, headers=key)).is_success and answer
    )
    assert program.post("/notifications", data={"message": "third"}, headers=key).json() == again.json()
    assert board.get("/notifications", headers={"HX-Request": "true"}).text.count("third") == 1
