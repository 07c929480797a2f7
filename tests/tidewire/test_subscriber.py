"""Subscribers: slow, broken or gone, and nobody misses or doubles anything."""

import asyncio
import gc
import logging

from hubs import flushed, opened, publish, turns_until, within
from subscribers import Client, Middled

from tidewire.group import Group
from tidewire.journal.memory import MemoryJournal


async def test_a_client_that_does_not_read_is_parked_and_gets_what_it_missed_in_order(feed, journal):
    async with opened(journal, feed.topic("feed")) as hub:
        slow, well = await Client(hub, "feed").start().joined(), await Client(hub, "feed").start().joined()
        slow.stall()
        await publish(hub, *range(1, 50))
        assert await well.posts(49) == list(range(1, 50))
        assert slow.numbers == []
        assert slow.subscriber.group is None
        assert slow.subscriber.describe(0)["behind"] == 48
        slow.read()
        assert await slow.posts(49) == list(range(1, 50))
        await slow.joined()
        await publish(hub, 50)
        assert (await slow.posts(50))[-1] == 50
        assert hub.counts["parked"] == 1
        assert [c.subscriber.counted()[0] for c in (slow, well)] == [50, 50]
        await asyncio.gather(slow.gone(), well.gone())


async def test_a_flush_that_fails_costs_nobody_an_event(feed, journal, monkeypatch, caplog):
    async with opened(journal, feed.topic("feed"), feed.topic("busy")) as hub:
        one, two, other = [await Client(hub, name).start().joined() for name in ("feed", "feed", "busy")]
        monkeypatch.setattr(Group, "_by_server", lambda *_: 1 / 0)
        await publish(hub, 1)
        await turns_until(lambda: "they catch up" in caplog.text)
        monkeypatch.undo()
        await publish(hub, 2)
        await publish(hub, 3, topic="busy")
        assert await one.posts(2) == await two.posts(2) == [1, 2]
        assert await other.posts(1) == [3]
        await asyncio.gather(one.gone(), two.gone(), other.gone())


async def test_a_heartbeat_never_comes_after_a_newer_event(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = await Client(hub, "feed").start().joined()
        client.stall()
        beat = asyncio.ensure_future(client.subscriber.write(client.subscriber.beat()))
        await turns_until(lambda: client.subscriber.group is None)
        # The socket can take more before the heartbeat's task has its turn: an event must not overtake it.
        await publish(hub, 1)
        hub._flush()
        client.read()
        await client.posts(1)
        await within(beat)
        assert [e.id for e in client.sent] == [hub.id_of(0), hub.id_of(0), hub.id_of(1)]
        await client.gone()


async def test_a_heartbeat_moves_the_cursor_of_who_is_up_to_date(feed):
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("busy")) as hub:
        client = await Client(hub, "feed").start().joined()
        await publish(hub, 1, topic="busy")
        await flushed(hub)
        await client.subscriber.write(client.subscriber.beat())
        assert client.cursor == hub.id_of(1)
        client.subscriber.leave()
        assert client.subscriber.beat() == b":\n\n", "who is behind has not seen the head"
        await client.gone()


async def test_a_stop_ends_a_parked_client_without_a_word_after_its_end(feed, caplog):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        early, late = await Client(hub, "feed").start().joined(), await Client(hub, "feed").start().joined()
        early.stall(), late.stall()
        await publish(hub, 1)
        await turns_until(lambda: early.subscriber.catching_up and late.subscriber.catching_up)
        early.read()
        await early.joined()
        early.stall()
        early.registry.stop()
        hub.fanout.send([], 0, 0)
        await publish(hub, 2)
        hub._flush()  # a flush between the stop and the end: it is still in its group, and its socket is full
        late.registry.stop()
        early.read(), late.read()
        await within(asyncio.wait([early.task, late.task]))
        assert early.ended
        assert late.ended
        assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_a_client_whose_send_raises_is_gone_and_the_others_are_not(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        gone, well = await Client(hub, "feed").start().joined(), await Client(hub, "feed").start().joined()
        gone.broken = ConnectionResetError()
        await publish(hub, 1)
        assert await well.posts(1) == [1]
        await within(asyncio.wait([gone.task]))
        assert len(gone.registry) == 0
        assert len(next(iter(hub.fanout._groups.values())).members) == 1
        await well.gone()


async def test_nothing_is_left_of_those_who_have_gone(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        clients = [await Client(hub, "feed", cursors=["x-1"] * (n % 2)).start().joined() for n in range(20)]
        for client in clients[::3]:
            client.stall()
        await publish(hub, 1)
        await flushed(hub)
        for client in clients:
            await client.gone()
        await turns_until(lambda: len(asyncio.all_tasks()) == 1)
        assert not hub.fanout._groups
        assert not hub.resets._drawing
        assert all(len(c.registry) == 0 for c in clients)
        del clients, client
        gc.collect()
        from tidewire.subscriber import Subscriber

        assert not [o for o in gc.get_objects() if isinstance(o, Subscriber) and o.hub is hub]


async def test_a_send_that_is_not_the_servers_own_is_never_stepped_by_hand(feed):
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("typing", ephemeral=True)) as hub:
        client = Middled(hub, "feed", "typing").start()
        await client.joined()
        await publish(hub, 1)
        assert await client.posts(1) == [1]
        await client.joined()
        await publish(hub, 2, topic="typing")
        assert await client.posts(2) == [1, 2], "also what is not kept"
        client.stall()
        await publish(hub, *range(3, 30))
        client.read()
        assert await client.posts(29) == list(range(1, 30))
        assert hub.counts["parked"] == 0, "it is not slow"
        await client.gone()
