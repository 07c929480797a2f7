"""The promise of it all: whatever happens, each client gets exactly the run after its cursor."""

import asyncio
import random

import pytest
from hubs import Feed, Post, flushed, opened, within
from hypothesis import given, settings
from hypothesis import strategies as st
from subscribers import Client, Middled

from tidewire.journal.memory import MemoryJournal
from tidewire.journal.sqlite import SQLiteJournal


async def check_schedule(journal, seed, *, gather, window):
    """Publish from many sides while clients join, stall, leave and come back; each must get its contiguous run."""
    chance, feed = random.Random(seed), Feed()
    names = ["a", "b", "c"]
    async with opened(journal, *map(feed.topic, names), gather=gather, window_count=window) as hub:
        published = {}

        async def give_way():
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)

        async def publisher(first):
            for number in range(first, first + 40):
                topic = chance.choice(names)
                event_id = await hub.publish(topic, Post(n=number))
                published[int(event_id.rpartition("-")[2])] = (number, topic)
                await give_way()

        async def connect(client, told):
            """Read, stall and leave as it happens; take along what has been told, and the cursor."""
            client.start()
            for _ in range(chance.randint(0, 40)):
                chance.choice([client.stall, client.read, client.read])()
                await give_way()
            await client.gone()
            assert not client.resets
            told += client.numbers
            return client.cursor if any(e.id for e in client.sent) else None

        async def subscriber():
            topics = chance.sample(names, chance.randint(1, 3))
            begun = chance.randint(0, hub.flushed + 3)  # also ahead of this process
            cursor, told = hub.id_of(begun), []
            while not all(publisher.done() for publisher in publishers):
                kind = chance.choice([Client, Client, Middled])
                cursor = await connect(kind(hub, *topics, cursors=[cursor]), told) or cursor
            last = await Client(hub, *topics, cursors=[cursor]).start().joined()
            await flushed(hub)
            expected = [n for s, (n, topic) in sorted(published.items()) if s > begun and topic in topics]
            assert told + await last.posts(len(expected) - len(told)) == expected, f"after {begun}"
            assert not last.resets
            await last.gone()

        publishers = [asyncio.ensure_future(publisher(1000 * n)) for n in range(1, 5)]
        await within(asyncio.gather(*(subscriber() for _ in range(6)), *publishers))


@given(st.integers(0, 2**32), st.sampled_from([0, 0.0005, 0.003]), st.sampled_from([0, 1, 5, 40, 2000]))
@settings(max_examples=60)
def test_each_gets_exactly_the_run_after_its_cursor_whatever_happens(seed, gather, window):
    asyncio.run(check_schedule(MemoryJournal(), seed, gather=gather, window=window))


@pytest.mark.parametrize("seed", range(6))
async def test_so_it_is_with_a_journal_on_disk(tmp_path, seed):
    journal = SQLiteJournal(tmp_path / "journal.db", poll_seconds=0.001)
    await check_schedule(journal, seed, gather=(0, 0.002)[seed % 2], window=(3, 50, 2000)[seed % 3])
