"""Subscribers: a cursor each, and nobody misses or doubles anything."""

import asyncio
import gc
import itertools
import logging

import pytest
from hubs import Client, Feed, Middled, flushed, opened, publish, turns_until, within
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidewire import catchup
from tidewire.journal import JournalUnavailable, Retention
from tidewire.journal.memory import MemoryJournal
from tidewire.journal.sqlite import SQLiteJournal


@pytest.fixture
def feed():
    return Feed()


@pytest.fixture(params=["memory", "sqlite"])
def journal(request, tmp_path):
    return MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / "journal.db")


def wipe(hub):
    """As if the window were too small to hold anything that is there."""
    hub.window.start(hub.flushed)


# -- Cursors


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


# -- Slow clients


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


async def test_one_that_wakes_behind_the_window_gets_it_from_the_journal(feed, journal):
    async with opened(journal, feed.topic("feed"), window_count=3) as hub:
        slow = await Client(hub, "feed").start().joined()
        slow.stall()
        await publish(hub, *range(1, 140))
        await flushed(hub)
        slow.read()
        assert await slow.posts(139) == list(range(1, 140))
        await slow.gone()


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


# -- What cannot be drawn


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


# -- Behind middleware, or under another server


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


# -- A journal in trouble


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
