"""Events that cannot be drawn: skipped, and shown by a reset to those who miss them."""

import asyncio
import logging

import pytest
from hubs import flushed, opened, publish
from subscribers import Client

from tidewire import catchup
from tidewire.journal.memory import MemoryJournal


async def test_an_event_that_cannot_be_drawn_is_skipped_and_its_topic_reset_for_all_who_listen(feed, caplog):
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("other")) as hub:
        here = [await Client(hub, "feed", "other").start().joined() for _ in range(5)]
        elsewhere = await Client(hub, "other").start().joined()
        parked = await Client(hub, "feed").start().joined()
        parked.stall()
        feed.broken.add(2)
        [_, broken] = await publish(hub, 1, 2)
        for client in here:
            await client.until(lambda c: c.resets)
        parked.read()
        await parked.until(lambda c: c.resets)
        await publish(hub, 3)
        await publish(hub, 4, topic="other")
        for client in here:
            assert await client.posts(3) == [1, 3, 4]
            assert len(client.resets) == 1
        assert await parked.posts(2) == [1, 3]
        assert len(parked.resets) == 1, "who was slow at that moment needs it as much"
        assert await elsewhere.posts(1) == [4]
        assert not elsewhere.resets
        assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
            f"event {broken} of topic feed cannot be drawn: it is skipped"
        ]
        for client in (*here, elsewhere, parked):
            await client.gone()


async def test_a_reset_for_what_could_not_be_drawn_never_takes_back_a_newer_event(feed):
    """The snapshot is drawn, then an event comes, then the snapshot is sent: the event has to be sent after it."""
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = await Client(hub, "feed").start().joined()
        loop = asyncio.get_running_loop()
        feed.broken.add(1)
        feed.during_snapshot = lambda: asyncio.run_coroutine_threadsafe(publish(hub, 2), loop).result()
        await publish(hub, 1)
        await client.posts(1)
        await client.joined()
        order = ["reset" if "<ul" in e.data else e.data for e in client.sent if e.data]
        assert order == ["reset", "2"]
        await client.gone()


async def test_many_that_cannot_be_drawn_are_shown_by_one_reset_and_the_other_topics_go_on(feed, monkeypatch):
    monkeypatch.setattr(catchup, "RESET_SECONDS", 60.0)
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("other")) as hub:
        before = hub.cursor
        for number in range(100):
            await publish(hub, number, topic="feed" if number % 2 else "other")
        feed.broken.update(range(1, 100, 2))
        await flushed(hub)
        client = await Client(hub, "feed", "other", cursors=[before]).start().joined()
        assert client.numbers == list(range(0, 100, 2))
        assert feed.snapshots == ["feed"]
        await client.gone()


async def test_a_cut_after_the_reset_of_one_topic_loses_nothing_of_the_others(feed):
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("other")) as hub:
        before = hub.cursor
        await publish(hub, 1)
        await publish(hub, 2, 3, topic="other")
        feed.broken.add(1)
        await flushed(hub)
        client = await Client(hub, "feed", "other", cursors=[before]).start().joined()
        ids = [e.id for e in client.sent if e.id]
        assert ids == [hub.id_of(n) for n in (1, 2, 3)], "not the sequence up to which the reset shows its own topic"
        await client.gone()


@pytest.mark.parametrize("window", [0, 100])
async def test_history_that_cannot_be_drawn_resets_only_who_is_behind(feed, window):
    async with opened(MemoryJournal(), feed.topic("feed"), window_count=window) as hub:
        before = hub.cursor
        await publish(hub, 1, 2, 3)  # nobody listens: nothing is drawn
        await flushed(hub)
        well = await Client(hub, "feed").start().joined()
        feed.broken.add(2)
        behind = await Client(hub, "feed", cursors=[before]).start().joined()
        assert behind.numbers == [1, 3]
        assert len(behind.resets) == 1
        await publish(hub, 4)
        assert await well.posts(1) == [4]
        assert not well.resets
        assert await behind.posts(3) == [1, 3, 4]
        await asyncio.gather(well.gone(), behind.gone())


async def test_a_generator_that_always_fails_is_not_answered_with_snapshots_only(feed, monkeypatch):
    monkeypatch.setattr(catchup, "RESET_SECONDS", 60.0)
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = await Client(hub, "feed").start().joined()
        feed.broken.update(range(100))
        await publish(hub, *range(50))
        await flushed(hub)
        await client.until(lambda c: c.resets)
        await publish(hub, *range(50, 100))
        await flushed(hub)
        assert len(client.resets) <= 2
        await client.gone()


async def test_an_ephemeral_event_that_cannot_be_drawn_is_skipped_and_nothing_else(feed):
    async with opened(MemoryJournal(), feed.topic("typing", ephemeral=True)) as hub:
        client = await Client(hub, "typing").start().joined()
        feed.broken.add(1)
        await publish(hub, 1, 2, topic="typing")
        assert await client.posts(1) == [2]
        assert not client.resets
        await client.gone()
