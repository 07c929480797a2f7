"""Listening to topics in this process."""

import asyncio

import pytest
from hubs import flushed, opened, publish, within

from tidewire import UnknownTopic
from tidewire.journal import Entry
from tidewire.journal.memory import MemoryJournal


async def test_a_generator_listens_from_now_on_and_misses_nothing_while_it_works(feed, journal):
    async with opened(journal, feed.topic("feed"), feed.topic("other")) as hub:
        await publish(hub, 1)
        await flushed(hub)
        listening = hub.listen("feed")
        first = asyncio.ensure_future(anext(listening))
        await asyncio.to_thread(lambda: None)
        await publish(hub, 2)
        assert (await within(first)).data.n == 2
        await publish(hub, 3)
        await publish(hub, 9, topic="other")
        await flushed(hub)  # all of it while the generator was at work: it must not wait for yet another event
        assert (await within(anext(listening))).data.n == 3
        await listening.aclose()


async def test_a_generator_is_told_when_nothing_came(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        listening = hub.listen("feed", idle=0.001)
        assert await within(anext(listening)) is None
        await listening.aclose()


async def test_a_generator_is_told_that_nothing_came_however_much_others_say(feed):
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("other")) as hub:
        listening = hub.listen("feed", idle=0.05)
        first = asyncio.ensure_future(anext(listening))
        while not first.done():
            await publish(hub, 9, topic="other")
            await asyncio.to_thread(lambda: None)
        assert await within(first) is None
        await listening.aclose()


async def test_a_listener_hears_what_was_said_between_its_call_and_its_first_turn(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        listening = hub.listen("feed")
        await publish(hub, 1)
        await flushed(hub)
        assert (await within(anext(listening))).data.n == 1
        await listening.aclose()


async def test_a_listener_slower_than_the_window_is_wide_is_told_to_look_again(feed):
    async with opened(MemoryJournal(), feed.topic("feed"), window_count=2) as hub:
        listening = hub.listen("feed")
        await publish(hub, 1, 2, 3)
        await flushed(hub)
        told = [await within(anext(listening)) for _ in range(3)]
        assert told[0] is None
        assert [event.data.n for event in told[1:]] == [2, 3]
        await listening.aclose()


async def test_an_event_of_an_older_contract_does_not_end_a_listener(feed, caplog):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        listening = hub.listen("feed")
        first = asyncio.ensure_future(anext(listening))
        await asyncio.to_thread(lambda: None)
        hub._deliver([Entry(1, "feed", "put", b'{"m":1}', 0.0), Entry(2, "feed", "put", b'{"n":1}', 0.0)])
        assert (await within(first)).data.n == 1
        assert "does not fit" in caplog.text
        await listening.aclose()


async def test_a_listener_of_what_does_not_exist_is_refused(feed):
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        with pytest.raises(UnknownTopic):
            await anext(hub.listen("fee"))


async def test_what_processes_tell_each_other_is_overheard_as_it_comes(feed, journal):
    typing = feed.topic("typing", ephemeral=True)
    async with opened(journal, feed.topic("feed"), typing) as hub:
        overheard = hub.overhear("typing")
        first = asyncio.ensure_future(anext(overheard))
        await asyncio.sleep(0)
        await publish(hub, 1)
        await publish(hub, 2, topic="typing")
        await publish(hub, 3, topic="typing")
        assert (await within(first)).data.n == 2
        assert (await within(anext(overheard))).data.n == 3
        await overheard.aclose()
        with pytest.raises(UnknownTopic):
            await anext(hub.overhear("nothing"))
