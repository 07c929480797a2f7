"""The hub: it opens without a gap, gathers what comes quickly, and outlives its journal's trouble."""

import asyncio
import contextlib
import sqlite3
from types import SimpleNamespace

import pytest
from hubs import Post, flushed, opened, publish, turns_until
from subscribers import Client

from tidewire import Hub, JournalUnavailable, Retention
from tidewire.journal.memory import MemoryJournal
from tidewire.journal.sqlite import SQLiteJournal


async def test_what_comes_while_it_opens_is_neither_lost_nor_doubled(feed):
    class Eager(MemoryJournal):
        """A journal that delivers before `tail` has answered."""

        async def open(self, deliver):
            await super().open(deliver)
            await self.append([topic.draft("feed", Post(n=3))])

        async def tail(self, *limits):
            tail = await super().tail(*limits)
            await self.append([topic.draft("feed", Post(n=4))])
            return tail

    topic, journal = feed.topic("feed"), Eager()
    await MemoryJournal.open(journal, lambda entries: None)
    await journal.append([topic.draft("feed", Post(n=n)) for n in (1, 2)])
    async with opened(journal, topic) as hub:
        assert (hub.opened, hub.flushed) == (2, 4)
        for seen in range(5):
            client = await Client(hub, "feed", cursors=[hub.id_of(seen)]).start().joined()
            assert client.numbers == list(range(seen + 1, 5))
            await client.gone()


async def test_a_restart_takes_the_window_from_the_journals_tail(feed, tmp_path):
    async with opened(SQLiteJournal(tmp_path / "j.db"), feed.topic("feed")) as hub:
        ids = await publish(hub, *range(1, 11))
    async with opened(SQLiteJournal(tmp_path / "j.db"), feed.topic("feed"), window_count=4) as hub:
        assert (len(hub.window), hub.window.floor, hub.cursor) == (4, 6, ids[-1])
        client = await Client(hub, "feed", cursors=[ids[1]]).start().joined()
        [eleven] = await publish(hub, 11)
        assert await client.posts(9) == list(range(3, 12))
        assert client.cursor == eleven
        await client.gone()


async def test_a_fresh_database_is_recognised_and_answered_with_a_reset(feed, tmp_path):
    async with opened(SQLiteJournal(tmp_path / "old.db"), feed.topic("feed")) as hub:
        ids = await publish(hub, 1, 2, 3)
    async with opened(SQLiteJournal(tmp_path / "new.db"), feed.topic("feed")) as hub:
        await publish(hub, 7, 8, 9)
        await flushed(hub)
        client = await Client(hub, "feed", cursors=[ids[0]]).start().joined()
        assert client.resets
        assert client.numbers == []
        await client.gone()


async def test_events_of_a_topic_this_version_does_not_know_are_passed_over(feed):
    journal = MemoryJournal()
    async with opened(journal, feed.topic("feed"), feed.topic("old")) as hub:
        client = await Client(hub, "feed").start().joined()
    async with opened(journal, feed.topic("feed")) as hub:
        await client.gone()
        client = await Client(hub, "feed").start().joined()
        await journal.append([feed.topic("old").draft("old", Post(n=1))])
        await publish(hub, 2)
        assert await client.posts(1) == [2]
        assert client.cursor == hub.id_of(2)
        await client.gone()


async def test_it_can_be_opened_again(feed):
    journal = MemoryJournal()
    hub = Hub(journal, [feed.topic("feed")], gather=0)
    for count in (1, 2, 3):
        await hub.open()
        await publish(hub, count)
        await flushed(hub)
        assert len(hub.window) == count
        await hub.close()


@pytest.mark.parametrize("given", [None, lambda name: Retention(count=5)])
async def test_a_journal_that_was_told_no_retention_keeps_what_the_topics_say(feed, given):
    journal = MemoryJournal(given)
    async with Hub(journal, [feed.topic("feed", retention=Retention(count=3))], gather=0) as hub:
        await publish(hub, *range(9))
        assert len(await journal.read(0, ["feed"], 100)) == (5 if given else 3)
    with pytest.raises(JournalUnavailable):
        await journal.read(0, ["feed"], 100)


async def test_the_first_event_after_a_quiet_time_leaves_at_once_and_the_next_are_gathered(feed):
    async with opened(MemoryJournal(), feed.topic("feed"), gather=0.2) as hub:
        client = await Client(hub, "feed").start().joined()
        bodies = []
        original = hub.fanout.send
        hub.fanout.send = lambda messages, *positions: (bodies.append(len(messages)), original(messages, *positions))
        await publish(hub, 1)
        await client.posts(1)
        await publish(hub, *range(2, 21))
        assert await client.posts(20) == list(range(1, 21))
        assert bodies == [1, 19]
        await client.gone()


async def test_the_window_begins_when_a_flush_has_ended_or_many_subscribers_would_have_none(feed, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tidewire.hub.time", SimpleNamespace(monotonic=lambda: now[0]))
    async with opened(MemoryJournal(), feed.topic("feed"), gather=60) as hub:
        now[0] = 1000

        def long(*_):
            now[0] += 100

        monkeypatch.setattr(hub.fanout, "send", long)
        await publish(hub, 1)
        await flushed(hub)
        await publish(hub, 2)
        assert isinstance(hub._timer, asyncio.TimerHandle), "it waits for others"


async def test_trouble_of_the_journal_is_the_publishers_and_passes(feed, tmp_path):
    path = tmp_path / "journal.db"
    journal = SQLiteJournal(path, busy_seconds=0.05)
    async with opened(journal, feed.topic("feed")) as hub:
        client = await Client(hub, "feed").start().joined()
        await publish(hub, 1)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalUnavailable, match="locked"):
                await publish(hub, 2)
            assert "locked" in hub.trouble
            assert await client.posts(1) == [1]
        await turns_until(lambda: hub.trouble is None)
        await publish(hub, 3)
        assert await client.posts(2) == [1, 3]
        await client.gone()
