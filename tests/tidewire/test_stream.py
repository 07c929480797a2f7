"""The life of a stream, by hand-made receive and send."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator

import pytest
from asgi import Client, turn
from fasthtml.components import Div

from tidewire import BadStream, EventStream, Tidewire, sse_message
from tidewire import stream as stream_module
from tidewire.stream import RETRY, RETRY_AFTER_FAILURE


class Talk:
    """A generator under the test's control: it yields what is put into it, and tells how it ended."""

    def __init__(self) -> None:
        self.words: asyncio.Queue[str | BaseException] = asyncio.Queue()
        self.started = self.closed = self.cancelled = False

    def say(self, word: str | BaseException) -> None:
        self.words.put_nowait(word)

    async def __call__(self) -> AsyncIterator[str]:
        self.started = True
        try:
            while True:
                word = await self.words.get()
                if isinstance(word, BaseException):
                    raise word
                yield sse_message(word)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.closed = True


@pytest.fixture
def talk() -> Talk:
    return Talk()


def streamed(generator, **given) -> Tidewire:
    """An app that streams a generator to whoever asks."""

    async def app(scope, receive, send):
        await EventStream(generator(), **given)(scope, receive, send)

    return Tidewire(app)


def retries(text: str) -> list[int]:
    return [int(value) for value in re.findall(r"^retry: (\d+)$", text, re.M)]


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


async def test_a_generator_that_goes_on_after_its_end_is_left_with_one_log_line(caplog):
    async def endless():
        try:
            yield sse_message("here")
            await asyncio.Event().wait()
        finally:
            yield sse_message("more")  # Python: "async generator ignored GeneratorExit"

    app = streamed(endless)
    async with Client(app) as client:
        await client.until(lambda: "here" in client.body)
        app.registry.stop()
        await client.done()
        assert client.ended
    assert len(app.registry) == 0


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


@pytest.mark.parametrize("wrong", [iter(["x"]), (word for word in "x"), ["x"], None])
def test_anything_but_an_async_generator_is_refused(wrong):
    with pytest.raises(BadStream, match="async generator"):
        EventStream(wrong)


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
