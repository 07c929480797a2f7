"""What a generator does to its stream: it speaks, ends, fails, or will not end."""

import asyncio
import logging
import re

import pytest
from asgi import Client
from fasthtml.components import Div
from talks import retries, streamed

from tidewire import BadStream, EventStream, sse_message
from tidewire.stream import RETRY_AFTER_FAILURE


async def test_what_the_generator_yields_is_sent_at_once_as_text_or_bytes(talk):
    async def both():
        yield "data: text \u2028\n\n"
        yield b"data: bytes\n\n"
        await asyncio.Event().wait()

    async with Client(streamed(both)) as client:
        await client.until(lambda: len(client.messages) == 4)
        assert client.messages[2]["body"] == "data: text \u2028\n\n".encode()
        assert client.messages[3]["body"] == b"data: bytes\n\n"


async def test_a_lone_surrogate_does_not_end_the_stream():
    async def odd():
        yield sse_message(Div("\ud800"))
        yield sse_message("after")

    async with Client(streamed(odd)) as client:
        await client.done()
        assert "data: after" in client.body
        assert "stream-error" not in client.body


async def test_a_generator_that_ends_ends_the_stream(talk):
    async def short():
        yield sse_message("all there is")

    async with Client(streamed(short)) as client:
        await client.done()
        assert client.body.endswith("data: all there is\n\n")
        assert client.ended


async def test_when_the_client_leaves_the_generator_is_closed_within_half_a_second(talk):
    app = streamed(talk)
    async with Client(app) as client:
        talk.say("hello")
        await client.until(lambda: "hello" in client.body)
        assert len(app.registry) == 1
        client.leave()
        await client.done(0.5)
        assert talk.closed
        assert len(app.registry) == 0


@pytest.mark.parametrize("when", ["at the start", "after a message"])
async def test_a_failing_generator_is_contained(talk, caplog, when):
    talk.say(ValueError("a secret") if when == "at the start" else "first")
    talk.say(ValueError("a secret"))
    with caplog.at_level(logging.INFO, "tidewire"):
        async with Client(streamed(talk)) as client:
            await client.done()
            [record] = caplog.records
            assert record.exc_info[0] is ValueError
            reference = re.search(r"reference (\w+)", record.getMessage())[1]
            *_, event = client.body.removesuffix("\n\n").split("\n\n")
            [retry] = retries(event)
            assert event == f"event: stream-error\nretry: {retry}\ndata: {reference}"
            assert RETRY_AFTER_FAILURE[0] <= retry <= RETRY_AFTER_FAILURE[1]
            assert "a secret" not in client.body
            assert client.ended
    assert talk.closed


async def test_a_failure_is_counted_and_the_stream_is_forgotten(talk):
    app = streamed(talk)
    async with Client(app) as client:
        await client.until(lambda: len(client.messages) == 2)
        [connection] = app.registry
        talk.say(ValueError())
        await client.done()
        assert (connection.reason, connection.errors, connection.events) == ("failed", 1, 1)
        assert len(app.registry) == 0


async def test_a_finally_that_fails_is_logged_and_the_stream_still_ends_well(caplog):
    async def careless():
        try:
            yield sse_message("here")
            await asyncio.Event().wait()
        finally:
            raise ValueError("in finally")

    app = streamed(careless)
    async with Client(app) as client:
        await client.until(lambda: "here" in client.body)
        app.registry.stop()
        await client.done()
        assert client.ended
    assert len(app.registry) == 0
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]


async def test_a_generator_that_swallows_its_cancellation_is_ended_all_the_same():
    closed = []

    async def stubborn():
        try:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    yield sse_message("no")
        finally:
            closed.append(True)

    app = streamed(stubborn)
    async with Client(app) as client:
        await client.until(lambda: len(client.messages) == 2)
        app.registry.stop()
        await client.done()
        assert client.ended
        assert closed


async def test_a_generator_that_says_more_when_it_is_ended_is_heard_once_and_is_no_fault(caplog):
    async def endless():
        try:
            yield sse_message("here")
            await asyncio.Event().wait()
        finally:
            yield sse_message("more")
            yield sse_message("too much")

    app = streamed(endless)
    async with Client(app) as client:
        await client.until(lambda: "here" in client.body)
        app.registry.stop()
        await client.done()
        assert client.ended
    assert len(app.registry) == 0
    assert "more" in client.body
    assert "too much" not in client.body
    assert caplog.records == []


@pytest.mark.parametrize("fault", [OSError("gone"), asyncio.CancelledError()])
async def test_a_generator_that_never_began_is_closed_when_the_start_fails(fault):
    began = []

    async def late():
        began.append(True)
        yield ""

    async def send(message):
        raise fault

    generator = late()
    client = Client(streamed(late))
    with pytest.raises(type(fault)):
        await EventStream(generator)(client.scope, client.receive, send)
    assert generator.ag_frame is None
    assert not began


@pytest.mark.parametrize("wrong", [iter(["x"]), (word for word in "x"), ["x"], None])
def test_anything_but_an_async_generator_is_refused(wrong):
    with pytest.raises(BadStream, match="async generator"):
        EventStream(wrong)
