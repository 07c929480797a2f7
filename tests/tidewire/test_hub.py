"""The hub: what is published reaches everybody, in one order, nothing lost and nothing doubled."""

import asyncio
import contextlib
import random
import sqlite3

import pytest
from hubs import Client, Feed, Middled, Post, flushed, opened, publish, turns_until, within
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tidewire import (
    BadPayload,
    EventTooLarge,
    Hub,
    JournalUnavailable,
    Retention,
    Tidewire,
    TidewireError,
    UnknownTopic,
    stream_routes,
)
from tidewire.journal import Entry
from tidewire.journal.memory import MemoryJournal
from tidewire.journal.sqlite import SQLiteJournal


@pytest.fixture
def feed():
    return Feed()


@pytest.fixture(params=["memory", "sqlite"])
def journal(request, tmp_path):
    return MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / "journal.db")


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


# -- Publishing


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


# -- Changes


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


# -- Opening


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


# -- Gathering


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


# -- Listening in this process


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


# -- Trouble


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


# -- As routes


def asked(app, path, **headers):
    with TestClient(app) as client:
        return client.get(path, headers=headers)


@pytest.fixture
def app(feed):
    topics = [feed.topic("feed"), feed.topic("rooms/{room}", known=lambda context, room: room == "tea")]

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with opened(MemoryJournal(), *topics) as app.state.hub:
            yield

    return Tidewire(Starlette(routes=stream_routes(topics), lifespan=lifespan))


@pytest.mark.parametrize(
    "path",
    ["/sse/live?topic=fee", "/sse/live?topic=feed&topic=rooms/gin", "/sse/rooms/gin", "/sse/live?topic=rooms/{room}"],
)
def test_an_unknown_topic_is_404_and_names_those_that_exist(app, path):
    answer = asked(app, path)
    assert answer.status_code == 404
    assert answer.json()["topics"] == ["feed", "rooms/{room}"]


@pytest.mark.parametrize(
    "path", ["/sse/live", "/sse/feed?format=xml", "/sse/live?" + "&".join(f"topic=rooms/{n}" for n in range(101))]
)
def test_a_query_that_makes_no_sense_is_400(app, path):
    assert asked(app, path).status_code == 400


# -- The property


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
