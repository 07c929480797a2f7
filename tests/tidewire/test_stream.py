"""The life of a stream, by hand-made receive and send: its start, its heartbeats, and the ways it ends."""

import asyncio
import re

import pytest
from asgi import Client, turn
from talks import Talk, retries, streamed

from tidewire import EventStream
from tidewire import stream as stream_module
from tidewire.stream import RETRY


async def test_a_stream_opens_at_once_though_its_generator_says_nothing(talk):
    async with Client(streamed(talk)) as client:
        await client.until(lambda: len(client.messages) == 2)
        assert client.status == 200
        assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert client.headers["cache-control"] == "no-store"
        assert client.headers["x-accel-buffering"] == "no"
        assert "content-length" not in client.headers
        [retry] = retries(client.body)
        assert client.body == f": open\nretry: {retry}\n\n"
        assert RETRY[0] <= retry <= RETRY[1]


async def test_tabs_are_told_different_times_to_return(talk):
    said = set()
    for _ in range(20):
        async with Client(streamed(Talk())) as client:
            await client.until(lambda: len(client.messages) == 2)
            said.update(retries(client.body))
    assert len(said) > 5


async def test_heartbeats_never_cancel_what_the_generator_is_doing(talk):
    app = streamed(talk)
    app.registry.heartbeat = 0
    async with Client(app) as client:
        await client.until(lambda: client.body.count("\n\n:\n\n") >= 1, 10)
        talk.say("still here")
        await client.until(lambda: "still here" in client.body)
        assert not talk.cancelled


async def test_a_stream_that_speaks_needs_no_heartbeat(talk):
    app = streamed(talk)
    app.registry.heartbeat = 3600
    async with Client(app) as client:
        await client.until(lambda: len(client.messages) == 2)
        app.registry._sweep()
        talk.say("hello")
        await client.until(lambda: "hello" in client.body)
        assert "\n\n:\n\n" not in client.body


async def test_a_stalled_client_is_sent_one_heartbeat_and_not_a_heap_of_them(talk):
    app = streamed(talk)
    app.registry.heartbeat = 0
    async with Client(app) as client:
        await client.until(lambda: len(client.messages) == 2)
        client.stall()
        for _ in range(5):
            app.registry._sweep()
            await turn()
        assert len(app.registry._beats) == 1


async def test_a_stream_ends_at_its_maximum_age_and_says_when_to_return(talk):
    app = streamed(talk, max_age=0.0)
    async with Client(app) as client:
        await client.done()
        assert re.search(r": age\nretry: \d+\n\n\Z", client.body)
        assert client.ended
    assert talk.closed


async def test_a_stop_ends_a_stream_and_says_when_to_return(talk):
    app = streamed(talk)
    async with Client(app) as client:
        await client.until(lambda: talk.started)
        app.registry.stop()
        await client.done(0.5)
        assert re.search(r": stop\nretry: \d+\n\n\Z", client.body)
        assert client.ended
    assert talk.closed


async def test_during_a_stop_a_new_stream_is_told_to_come_back(talk):
    app = streamed(talk)
    app.registry.stop()
    generators = []
    app.app = lambda *request: EventStream(generators.append(talk()) or generators[0])(*request)
    async with Client(app) as client:
        await client.done()
        assert client.status == 503
        assert client.headers["retry-after"] == "1"
    assert generators[0].ag_frame is None, "the generator that did not begin was not closed"


async def test_head_is_answered_with_headers_alone_and_runs_nothing(talk):
    async with Client(streamed(talk), method="HEAD") as client:
        await client.done()
        assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert client.ended
    assert not talk.started


async def test_the_cancellation_of_the_server_goes_through(talk):
    app = streamed(talk)
    async with Client(app) as client:
        await client.until(lambda: talk.started)
        client.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.task
    assert talk.closed
    assert len(app.registry) == 0


async def test_a_client_that_does_not_take_the_end_of_its_stream_is_cut_off(talk, monkeypatch):
    monkeypatch.setattr(stream_module, "FAREWELL_SECONDS", 0.05)
    app = streamed(talk)
    async with Client(app) as client:
        await client.until(lambda: talk.started)
        client.stall()
        app.registry.stop()
        await client.done(2)
        assert client.transport.aborted
    assert talk.closed


async def test_a_client_that_stalls_in_mid_message_holds_nobody_up_at_the_end(talk):
    app = streamed(talk)
    async with Client(app) as client:
        await client.until(lambda: talk.started)
        client.stall()
        talk.say("never taken")
        await turn()
        client.leave()
        await client.done(0.5)
    assert talk.closed
    assert len(app.registry) == 0


async def test_a_connection_that_breaks_while_it_is_written_to_is_no_failure(talk, caplog):
    app = streamed(talk)
    client = Client(app)

    async def send(message):
        if b"hello" in message.get("body", b""):
            raise OSError("broken pipe")
        await client.send(message)

    talk.say("hello")
    await asyncio.wait_for(app(client.scope, client.receive, send), 5)
    assert talk.closed
    assert len(app.registry) == 0
    assert caplog.records == []


async def test_a_stream_needs_no_layer_around_it(talk):
    async def bare(scope, receive, send):
        await EventStream(talk())(scope, receive, send)

    async with Client(bare) as client:
        talk.say("hello")
        await client.until(lambda: "hello" in client.body)
        client.leave()
        await client.done(0.5)
    assert talk.closed


async def test_status_and_headers_are_the_callers(talk):
    async with Client(streamed(talk, headers={"X-Mine": "yes", "Cache-Control": "private"})) as client:
        await client.until(lambda: talk.started)
        assert client.headers["x-mine"] == "yes"
        assert client.headers["cache-control"] == "private"
