"""Cursors: what a client is told that has seen something, nothing, or what cannot be."""

import asyncio

import pytest
from hubs import Feed, flushed, opened, publish, turns_until
from hypothesis import example, given, settings
from hypothesis import strategies as st
from subscribers import Client

from tidewire import catchup
from tidewire.journal import Retention
from tidewire.journal.memory import MemoryJournal


async def test_without_a_cursor_it_starts_now_and_is_told_where_that_is(feed, journal):
    async with opened(journal, feed.topic("feed")) as hub:
        await publish(hub, 1, 2)
        await flushed(hub)
        client = await Client(hub, "feed").start().joined()
        assert client.cursor == hub.id_of(2), "else a client cut before its first event would start anew"
        await publish(hub, 3)
        assert await client.posts(1) == [3]
        await client.gone()


async def test_now_is_when_it_asked_not_when_it_was_let_in(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = Client(hub, "feed")
        await publish(hub, 1)
        await flushed(hub)
        assert await client.start().posts(1) == [1]
        await client.gone()


@pytest.mark.parametrize("seen", [0, 3, 7, 10])
async def test_a_cursor_in_the_window_gets_what_is_after_it(feed, journal, seen):
    async with opened(journal, feed.topic("feed")) as hub:
        ids = [hub.id_of(0), *await publish(hub, *range(1, 11))]
        await flushed(hub)
        client = await Client(hub, "feed", cursors=[ids[seen]]).start().joined()
        await publish(hub, 11)
        assert await client.posts(11 - seen) == list(range(seen + 1, 12))
        assert not client.resets
        await client.gone()


@pytest.mark.parametrize("window", [0, 1, 60])
async def test_a_cursor_behind_the_window_is_read_from_the_journal(feed, journal, window):
    async with opened(journal, feed.topic("feed"), feed.topic("other"), window_count=window) as hub:
        [first] = await publish(hub, 1)
        for number in range(2, 201):
            await publish(hub, number, topic="feed" if number % 2 else "other")
        await flushed(hub)
        client = await Client(hub, "feed", cursors=[first]).start().joined()
        await publish(hub, 201)
        assert await client.posts(100) == list(range(3, 202, 2))
        assert client.cursor == hub.id_of(201)
        assert not client.resets
        await client.gone()


async def test_a_cursor_below_its_topics_floor_gets_a_reset_first(feed):
    kept = feed.topic("feed", retention=Retention(count=5))
    journal = MemoryJournal(retention=lambda name: Retention(count=5) if name == "feed" else Retention())
    async with opened(journal, kept, feed.topic("quiet"), window_count=2) as hub:
        [quiet] = await publish(hub, 100, topic="quiet")
        await publish(hub, *range(1, 20))
        await flushed(hub)
        behind = await Client(hub, "feed", cursors=[quiet]).start().joined()
        assert [e.data for e in behind.resets] == ['<ul hx-swap-oob="true" id="feed">whole</ul>']
        assert behind.numbers == []
        untouched = await Client(hub, "quiet", cursors=[quiet]).start().joined()
        assert not untouched.resets, "a busy topic must not age a quiet one's cursors"
        await publish(hub, 20)
        assert await behind.posts(1) == [20]
        await asyncio.gather(behind.gone(), untouched.gone())


async def test_a_window_filled_from_a_thinned_journal_does_not_hide_what_retention_took(feed):
    journal = MemoryJournal(retention=lambda name: Retention(count=5) if name == "feed" else Retention())
    topics = feed.topic("feed", retention=Retention(count=5)), feed.topic("quiet")
    async with opened(journal, *topics) as hub:
        [quiet] = await publish(hub, 100, topic="quiet")
        [seen, *_, kept] = await publish(hub, *range(1, 20))
    async with opened(journal, *topics) as hub:  # the process that comes after it: its window reaches back to 1
        assert hub.window.floor == 0
        behind = await Client(hub, "feed", cursors=[seen]).start().joined()
        assert behind.resets
        assert behind.numbers == []
        current = await Client(hub, "quiet", "feed", cursors=[kept]).start().joined()
        assert not current.resets
        waiting = await Client(hub, "quiet", cursors=[quiet]).start().joined()
        assert not waiting.resets
        await asyncio.gather(behind.gone(), current.gone(), waiting.gone())


async def test_where_the_latest_counts_whoever_is_behind_is_told_that_one(feed, journal):
    stats = feed.topic("stats", keep="latest")
    for window in (2_000, 3):
        async with opened(journal, stats, feed.topic("feed"), window_count=window) as hub:
            before = hub.cursor
            for number in range(1, 130):
                await publish(hub, number, topic="stats")
                await publish(hub, 1000 + number)
            await flushed(hub)
            client = await Client(hub, "stats", "feed", cursors=[before]).start().joined()
            numbers = await client.posts(130)
            assert [n for n in numbers if n < 1000] == [129]
            assert [n for n in numbers if n > 1000] == list(range(1001, 1130))
            assert not client.resets
            await client.gone()


async def test_where_even_the_latest_has_aged_away_the_topic_is_reset(feed):
    journal = MemoryJournal(retention=lambda name: Retention(count=1, age=0) if name == "stats" else Retention())
    stats = feed.topic("stats", keep="latest", retention=Retention(count=1, age=0))
    async with opened(journal, stats, feed.topic("feed"), window_count=1) as hub:
        before = hub.cursor
        await publish(hub, 1, topic="stats")
        await publish(hub, 2, 3)
        await flushed(hub)
        client = await Client(hub, "stats", cursors=[before]).start().joined()
        assert client.resets
        await client.gone()


@given(st.text() | st.from_regex(r"[0-9a-f]{8}-[0-9]{1,30}"))
@example("")
@example("-")
@example("--5")
@example("elsewhere-5")
@example("\0")
@example("1" * 5000)
@settings(max_examples=60)
def test_garbage_gets_a_reset_and_then_live_never_silence(cursor):
    async def claim():
        feed = Feed()
        async with opened(MemoryJournal(), feed.topic("feed")) as hub:
            await publish(hub, 1)
            await flushed(hub)
            client = await Client(hub, "feed", cursors=[cursor]).start().joined()
            assert len(client.resets) == 1
            await publish(hub, 2)
            assert await client.posts(1) == [2]
            await client.gone()

    asyncio.run(claim())


async def test_garbage_of_this_very_epoch_gets_a_reset_too(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        for number in ("", "-1", "1.5", "x", "٣", "1" * 19, " 1"):
            client = await Client(hub, "feed", cursors=[f"{hub.journal.epoch}-{number}"]).start().joined()
            assert client.resets, number
            await client.gone()


async def test_last_event_id_wins_over_the_page_and_the_page_over_garbage(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        one, two, _three = await publish(hub, 1, 2, 3)
        await flushed(hub)
        for cursors, told in (([two, one], [3]), (["garbage", one], [2, 3]), ([one, "garbage"], [2, 3])):
            client = await Client(hub, "feed", cursors=cursors).start().joined()
            assert client.numbers == told
            assert not client.resets
            await client.gone()


async def test_a_cursor_ahead_of_this_process_waits_for_it_and_needs_no_reset(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = Client(hub, "feed", cursors=[hub.id_of(3)]).start()
        for number in range(1, 6):
            await publish(hub, number)
        assert await client.posts(2) == [4, 5]
        assert not client.resets
        await client.gone()


async def test_a_cursor_ahead_for_too_long_gets_a_reset(feed, monkeypatch):
    monkeypatch.setattr(catchup, "AHEAD_SECONDS", 0.01)
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = await Client(hub, "feed", cursors=[hub.id_of(10**12)]).start().joined()
        assert client.resets
        await publish(hub, 1)
        assert await client.posts(1) == [1]
        await client.gone()


async def test_nobody_waits_for_the_head_of_a_client_that_has_left(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = Client(hub, "feed", cursors=[hub.id_of(5)]).start()
        await turns_until(lambda: client.subscriber and client.subscriber.catching_up)
        waiting = client.subscriber.catching_up
        await client.gone()
        await turns_until(waiting.done)
