"""Catching up: by the window, or by pages of the journal, and nobody is held up meanwhile."""

import asyncio
import itertools

from hubs import flushed, opened, publish, turns_until, within
from subscribers import Client

from tidewire import catchup
from tidewire.journal import JournalUnavailable
from tidewire.journal.memory import MemoryJournal


async def test_one_that_wakes_behind_the_window_gets_it_from_the_journal(feed, journal):
    async with opened(journal, feed.topic("feed"), window_count=3) as hub:
        slow = await Client(hub, "feed").start().joined()
        slow.stall()
        await publish(hub, *range(1, 140))
        await flushed(hub)
        slow.read()
        assert await slow.posts(139) == list(range(1, 140))
        await slow.gone()


async def test_catching_up_gives_way_after_each_page(feed, monkeypatch):
    """Counted, not timed: between two pages the loop has gone round."""
    async with opened(MemoryJournal(), feed.topic("feed"), window_count=100) as hub:
        before = hub.cursor
        await publish(hub, *range(1, 1001))
        await flushed(hub)
        feed.drawn.clear()
        rounds, turning = [], True

        async def others():
            while turning:
                rounds.append(len(feed.drawn))
                await asyncio.sleep(0)

        turn = asyncio.ensure_future(others())
        client = await Client(hub, "feed", cursors=[before]).start().joined()
        turning = False
        await turn
        assert client.numbers == list(range(1, 1001))
        assert max(b - a for a, b in itertools.pairwise(rounds)) <= catchup.PAGE
        await client.gone()


async def test_many_who_are_behind_read_the_journal_a_page_in_turn(feed, journal):
    async with opened(journal, feed.topic("feed"), window_count=10) as hub:
        before = hub.cursor
        await asyncio.gather(*(publish(hub, n) for n in range(1, 301)))
        await flushed(hub)
        clients = [Client(hub, "feed", cursors=[before]).start() for _ in range(10)]
        for client in clients:
            await client.joined()
            assert sorted(client.numbers) == list(range(1, 301))
            await client.gone()


async def test_under_load_it_joins_all_the_same(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        await publish(hub, 1)
        client = Client(hub, "feed", cursors=[hub.id_of(0)]).start()
        while not (client.subscriber and client.subscriber.group):  # a flush at each turn of the loop
            assert len(hub.window) < 1000, "it never joined"
            await publish(hub, len(hub.window) + 1)
        await client.gone()


async def test_one_whose_send_raises_while_it_catches_up_is_gone_too(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = await Client(hub, "feed").start().joined()
        client.stall()
        await publish(hub, 1)
        await turns_until(lambda: client.subscriber.catching_up)
        await publish(hub, 2)
        client.broken = BrokenPipeError()
        client.read()
        await within(asyncio.wait([client.task]))
        assert len(client.registry) == 0


async def test_what_fails_while_it_catches_up_ends_the_stream_and_says_so(feed, caplog, monkeypatch):
    async with opened(MemoryJournal(), feed.topic("feed"), window_count=0) as hub:
        before = hub.cursor
        await publish(hub, 1)
        await flushed(hub)
        monkeypatch.setattr(hub.journal, "read", None)
        client = Client(hub, "feed", cursors=[before]).start()
        await within(asyncio.wait([client.task]))
        assert [e.event for e in client.sent] == ["stream-error"]
        assert client.ended
        assert sum("TypeError" in (r.exc_text or "") for r in caplog.records) == 1


async def test_while_the_journal_is_in_trouble_streams_stay_up_and_go_on_afterwards(feed, monkeypatch):
    monkeypatch.setattr(catchup, "TROUBLE_SECONDS", 0.001)
    async with opened(MemoryJournal(), feed.topic("feed"), window_count=1) as hub:
        before = hub.cursor
        await publish(hub, 1, 2, 3)
        await flushed(hub)
        live = await Client(hub, "feed").start().joined()
        read, refused = hub.journal.read, []

        async def locked(*_):
            refused.append(1)
            raise JournalUnavailable("it is locked")

        monkeypatch.setattr(hub.journal, "read", locked)
        behind = Client(hub, "feed", cursors=[before]).start()
        await turns_until(lambda: len(refused) > 2)
        await publish(hub, 4)
        assert await live.posts(1) == [4]
        monkeypatch.setattr(hub.journal, "read", read)
        assert await behind.posts(4) == [1, 2, 3, 4]
        await asyncio.gather(live.gone(), behind.gone())
