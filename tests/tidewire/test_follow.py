"""A generator of one's own that carries topics: it misses nothing of them, and says what it likes around them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from asgi import Client
from hubs import Feed, Post, flushed, opened, publish, within
from starlette.applications import Starlette

from tidewire import Hub, Tidewire, follow, per_tab, sse_message, stream_routes
from tidewire.journal.memory import MemoryJournal


@contextlib.asynccontextmanager
async def hub_of(feed: Feed, **options: object) -> AsyncIterator[Hub]:
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("other"), **options) as hub:
        yield hub


async def taken(following, count):
    """The numbers of the next events, or "whole" for a snapshot."""
    found = []
    while len(found) < count:
        event, chunk = await within(anext(following))
        found.append("whole" if event is None else event.data.n)
        assert chunk.endswith(b"\n\n")
        assert b"id: " in chunk
    return found


async def test_it_goes_on_after_its_cursor_and_then_with_what_happens_next(feed):
    async with hub_of(feed) as hub:
        first, *_ = await publish(hub, 1, 2, 3)
        await flushed(hub)
        following = follow(hub, "feed", after=first)
        assert await taken(following, 2) == [2, 3]
        await publish(hub, 4, topic="other")
        await publish(hub, 5)
        assert await taken(following, 1) == [5]


async def test_without_a_cursor_it_starts_now(feed):
    async with hub_of(feed) as hub:
        await publish(hub, 1)
        await flushed(hub)
        waiting = asyncio.ensure_future(taken(follow(hub, "feed"), 1))
        await flushed(hub)
        await publish(hub, 2)
        assert await within(waiting) == [2]


@pytest.mark.parametrize("cursor", ["elsewhere-3", "nonsense", "{epoch}-999"])
async def test_whoever_has_a_cursor_that_is_not_known_is_drawn_the_topic_whole_and_goes_on(feed, cursor):
    async with hub_of(feed) as hub:
        await publish(hub, 1)
        await flushed(hub)
        following = follow(hub, "feed", after=cursor.format(epoch=hub.journal.epoch))
        assert await taken(following, 1) == ["whole"]
        await publish(hub, 2)
        assert await taken(following, 1) == [2]


async def test_whoever_is_slower_than_the_window_is_wide_is_drawn_the_topic_whole(feed):
    async with hub_of(feed, window_count=3) as hub:
        first, *_ = await publish(hub, 1, 2)
        await flushed(hub)
        following = follow(hub, "feed", after=first)
        assert await taken(following, 1) == [2]
        await publish(hub, *range(3, 10))
        await flushed(hub)
        assert await taken(following, 1) == ["whole"]
        await publish(hub, 10)
        assert await taken(following, 1) == [10]


async def test_what_cannot_be_drawn_is_shown_by_the_topic_drawn_whole(feed):
    feed.broken.add(2)
    async with hub_of(feed) as hub:
        first, *_ = await publish(hub, 1, 2)
        await flushed(hub)
        following = follow(hub, "feed", after=first)
        assert await taken(following, 1) == ["whole"]
        await publish(hub, 3)
        assert await taken(following, 1) == [3]


async def test_of_a_topic_whose_latest_counts_whoever_is_behind_is_told_that_one(feed):
    async with opened(MemoryJournal(), feed.topic("feed", keep="latest")) as hub:
        before = hub.cursor
        await publish(hub, 1, 2, 3)
        await flushed(hub)
        assert await taken(follow(hub, "feed", after=before), 1) == [3]


async def test_an_event_is_drawn_once_however_many_follow(feed):
    async with hub_of(feed) as hub:
        before = hub.cursor
        followers = [follow(hub, "feed", after=before) for _ in range(5)]
        await publish(hub, 1)
        for following in followers:
            assert await taken(following, 1) == [1]
        assert feed.drawn == [1]


async def test_a_stream_that_follows_is_given_its_cursor_and_says_why_it_closes(feed):
    async with hub_of(feed) as hub:

        @per_tab("own", close="close")
        async def own(after: str) -> AsyncIterator[str | bytes]:
            yield sse_message("hello", event="connected")
            async for event, chunk in follow(hub, "feed", after=after):
                yield chunk
                if event and event.data == Post(n=3):
                    return

        app = Tidewire(Starlette(routes=stream_routes([own])))
        first, *_ = await publish(hub, 1, 2, 3)
        await flushed(hub)
        async with Client(app, "/sse/own", query=f"after={first}") as client:
            await client.done()
        blocks = [block for block in client.body.split("\n\n") if "event: " in block]
        assert [block.split("event: ")[1].split("\n")[0] for block in blocks] == ["connected", "post", "post", "close"]
        assert blocks[-1].endswith("data: done")
        async with Client(app, "/sse/own") as client:
            await client.until(lambda: "connected" in client.body)
            app.registry.stop()
            await client.done()
        assert "event: close\ndata: stop\n\n: stop\nretry: " in client.body
