"""Publishing, and changes that publish: what is stored and told, and what is refused."""

import asyncio
import contextlib
import sqlite3

import pytest
from hubs import Feed, Post, opened, publish
from subscribers import Client

from tidewire import BadPayload, EventTooLarge, Hub, TidewireError, UnknownTopic
from tidewire.journal.memory import MemoryJournal
from tidewire.journal.sqlite import SQLiteJournal


@pytest.fixture
async def table(tmp_path):
    """A hub over a database with a table of its own."""
    path = tmp_path / "app.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE posts (n INTEGER PRIMARY KEY)")
    async with opened(SQLiteJournal(path), Feed().topic("feed")) as hub:
        hub.rows = lambda: rows(path)
        yield hub


def rows(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [n for (n,) in db.execute("SELECT n FROM posts ORDER BY n")]


def add(change, n, *, fail=False):
    change.db.execute("INSERT INTO posts VALUES (?)", (n,))
    event_id = change.publish("feed", Post(n=n))
    if fail:
        raise LookupError("no")
    return event_id


async def test_put_and_remove_reach_who_listens_with_their_ids(feed, journal):
    async with opened(journal, feed.topic("feed")) as hub:
        html = await Client(hub, "feed").start().joined()
        json = await Client(hub, "feed", form="json").start().joined()
        [put] = await publish(hub, 1)
        [removed] = await publish(hub, 1, remove=True)
        assert await html.posts(2) == [1, -1]
        assert [e.id for e in html.sent[1:]] == [put, removed]
        await json.until(lambda c: len(c.sent) == 3)
        assert [(e.id, e.event, e.data) for e in json.sent[1:]] == [
            (put, "post", '{"n":1,"text":""}'),
            (removed, "post-removed", '{"n":1,"text":""}'),
        ]
        await asyncio.gather(html.gone(), json.gone())


async def test_what_breaks_its_contract_is_refused_and_nothing_is_stored(feed, journal):
    async with opened(journal, feed.topic("feed")) as hub:
        for payload, fault in (({"n": "x"}, BadPayload), ({"n": 1, "text": "x" * 2**20}, EventTooLarge)):
            with pytest.raises(fault):
                await hub.publish("feed", payload)
        with pytest.raises(UnknownTopic, match="there are: feed"):
            await hub.publish("fee", {"n": 1})
        assert await journal.read(0, ["feed", "fee"], 10) == []


async def test_a_topics_own_rule_decides_which_names_exist(feed):
    rooms = feed.topic("rooms/{room}", known=lambda context, room: room in context)
    async with opened(MemoryJournal(), rooms, context=["tea"]) as hub:
        client = await Client(hub, "rooms/tea").start().joined()
        assert await hub.publish("rooms/tea", Post(n=1))
        with pytest.raises(UnknownTopic, match=r"no topic 'rooms/gin'"):
            await hub.publish("rooms/gin", Post(n=2))
        assert await client.posts(1) == [1]
        await client.gone()


async def test_ephemeral_events_reach_who_listens_and_are_not_kept(feed, journal):
    async with opened(journal, feed.topic("typing", ephemeral=True), feed.topic("feed")) as hub:
        here = await Client(hub, "typing", "feed").start().joined()
        assert await hub.publish("typing", Post(n=1)) == ""
        await publish(hub, 2)
        assert await here.posts(2) == [1, 2]
        later = await Client(hub, "typing", "feed", cursors=[hub.id_of(0)]).start().joined()
        assert later.numbers == [2]
        await asyncio.gather(here.gone(), later.gone())


async def test_ten_thousand_ephemeral_events_leave_the_window_as_it_was(feed):
    async with opened(MemoryJournal(), feed.topic("typing", ephemeral=True), feed.topic("feed")) as hub:
        client = await Client(hub, "typing", "feed").start().joined()
        await publish(hub, 1)
        await client.posts(1)
        await hub.journal.append([hub.draft("typing", Post(n=2, text="x" * 1000), None)] * 10_000)
        await client.posts(10_001)
        assert len(hub.window) == 1
        await client.gone()


async def test_events_of_several_topics_come_in_one_order(feed, journal):
    async with opened(journal, *(feed.topic(name) for name in "abc")) as hub:
        client = await Client(hub, "a", "b", "c").start().joined()
        two = await Client(hub, "a", "c").start().joined()
        for number in range(30):
            await publish(hub, number, topic="abc"[number % 3])
        assert await client.posts(30) == list(range(30))
        assert await two.posts(20) == [n for n in range(30) if n % 3 != 1]
        await asyncio.gather(client.gone(), two.gone())


async def test_a_change_and_its_event_are_one(table):
    client = await Client(table, "feed").start().joined()
    event_id = await table.change(add, 1)
    assert await client.posts(1) == [1]
    assert client.cursor == event_id
    assert table.rows() == [1]
    await client.gone()


async def test_an_exception_undoes_both_and_reaches_the_caller_alone(table):
    client = await Client(table, "feed").start().joined()
    results = await asyncio.gather(
        table.change(add, 1), table.change(add, 2, fail=True), table.change(add, 3), return_exceptions=True
    )
    assert isinstance(results[1], LookupError)
    assert await client.posts(2) == [1, 3]
    assert table.rows() == [1, 3]
    with pytest.raises(BadPayload):
        await table.change(
            lambda change: (change.db.execute("INSERT INTO posts VALUES (9)"), change.publish("feed", {}))
        )
    assert table.rows() == [1, 3]
    await client.gone()


async def test_a_change_may_publish_about_what_it_has_just_made(tmp_path, feed):
    def known(db, room):
        return db.execute("SELECT 1 FROM rooms WHERE name = ?", (room,)).fetchone() is not None

    def make(change, room):
        change.db.execute("CREATE TABLE IF NOT EXISTS rooms (name TEXT)")
        change.db.execute("INSERT INTO rooms VALUES (?)", (room,))
        return change.publish(f"rooms/{room}", {"n": 1})

    rooms = feed.topic("rooms/{room}", known=known)
    async with opened(SQLiteJournal(tmp_path / "rooms.db"), rooms) as hub:
        assert await hub.change(make, "tea") == hub.id_of(1)
        with pytest.raises(UnknownTopic):
            await hub.change(lambda change: change.publish("rooms/gin", {"n": 2}))


async def test_a_plain_handler_changes_from_its_thread(table):
    client = await Client(table, "feed").start().joined()
    event_id = await asyncio.to_thread(table.change_sync, add, 1)
    assert await client.posts(1) == [1]
    assert client.cursor == event_id
    with pytest.raises(LookupError):
        await asyncio.to_thread(table.change_sync, add, 2, fail=True)
    assert table.rows() == [1]
    await client.gone()


async def test_in_the_loops_own_thread_it_is_refused_for_it_would_wait_for_itself(table):
    with pytest.raises(RuntimeError, match=r"await change\(\)"):
        table.change_sync(add, 1)
    assert table.rows() == []


def test_before_it_is_open_a_change_is_refused(feed):
    with pytest.raises(TidewireError, match="not open"):
        Hub(MemoryJournal(), [feed.topic("feed")]).change_sync(lambda change: None)


async def test_a_journal_that_lives_in_no_database_says_so(feed):
    class Elsewhere(MemoryJournal):
        change = property()

    async with opened(Elsewhere(), feed.topic("feed")) as hub:
        with pytest.raises(TidewireError, match=r"publish\(\) instead"):
            await hub.change(lambda change: None)


async def test_everybody_reads_their_own_writes(feed, journal):
    async with opened(journal, feed.topic("feed"), gather=60) as hub:
        for number in range(1, 20):
            [event_id] = await publish(hub, number)
            assert hub.cursor == event_id, "a page drawn now carries it"
            assert (await journal.read(0, ["feed"], 100))[-1].data == Post(n=number).model_dump_json().encode()
