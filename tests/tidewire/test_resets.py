"""Topics drawn whole."""

import logging
import threading

from hubs import Html, opened, publish, turns_until, within
from subscribers import Client

from tidewire.journal.memory import MemoryJournal
from tidewire.resets import out_of_band


async def test_a_reset_puts_each_component_in_its_place(feed):
    async with opened(MemoryJournal(), feed.topic("feed"), feed.topic("rooms/{room}")) as hub:
        await publish(hub, 1)
        await turns_until(lambda: hub.flushed == 1)
        chunk, sequence = await within(hub.resets.of(frozenset({"feed", "rooms/tea"}), "html"))
        assert sequence == 1
        assert chunk.decode() == (
            'event: post\ndata: <ul hx-swap-oob="true" id="feed">whole</ul>\n\n'
            'event: post\ndata: <ul hx-swap-oob="true" id="rooms/tea">whole</ul>\n\n'
        )


async def test_the_cursor_stands_after_all_of_it_so_that_who_is_cut_before_asks_again(feed):
    async with opened(MemoryJournal(), feed.topic("a"), feed.topic("b")) as hub:
        for form in ("html", "json"):
            client = await Client(hub, "a", "b", form=form, cursors=["elsewhere-5"]).start().joined()
            assert [e.id for e in client.sent][-2:] == [None, hub.id_of(0)]
            assert {e.id for e in client.sent[:-1]} == {None}
            await client.gone()


async def test_a_program_is_told_which_topics_to_fetch_anew(feed):
    async with opened(MemoryJournal(), feed.topic("a"), feed.topic("b")) as hub:
        chunk, _ = await hub.resets.of(frozenset({"b", "a"}), "json")
        assert chunk.decode() == 'event: reset\ndata: {"topics": ["a", "b"]}\n\n'
        assert feed.snapshots == []


async def test_one_snapshot_serves_all_who_need_it_at_that_moment(feed):
    drawing, go_on = threading.Event(), threading.Event()
    feed.during_snapshot = lambda: (drawing.set(), go_on.wait(20))
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        clients = [Client(hub, "feed", cursors=["elsewhere-5"]).start() for _ in range(50)]
        await turns_until(drawing.is_set)
        go_on.set()
        for client in clients:
            await client.until(lambda c: c.resets)
            await client.joined()
        assert feed.snapshots == ["feed"]
        assert hub.counts["resets"] == 50
        for client in clients:
            await client.gone()


async def test_what_is_published_while_the_snapshot_is_drawn_comes_after_it(feed):
    drawing, go_on = threading.Event(), threading.Event()
    feed.during_snapshot = lambda: (drawing.set(), go_on.wait(20))
    async with opened(MemoryJournal(), feed.topic("feed")) as hub:
        client = Client(hub, "feed", cursors=["elsewhere-5"]).start()
        await turns_until(drawing.is_set)
        await publish(hub, 1, 2)
        go_on.set()
        assert await client.posts(2) == [1, 2]
        assert client.sent[0].data.startswith("<ul"), "the reset first"
        await client.gone()


async def test_a_snapshot_that_cannot_be_drawn_says_so_and_the_other_topics_go_on(feed, caplog):
    def fail():
        if feed.snapshots[-1] == "a":
            raise ValueError("a secret")

    feed.during_snapshot = fail
    async with opened(MemoryJournal(), feed.topic("a"), feed.topic("b")) as hub:
        client = await Client(hub, "a", "b", cursors=["elsewhere-5"]).start().joined()
        assert [e.event for e in client.sent if e.data] == ["stream-error", "post"]
        await publish(hub, 1, topic="a")
        assert await client.posts(1) == [1]
        assert b"secret" not in client.body
        [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert client.sent[0].data in record.getMessage(), "a reference"
        await client.gone()


def test_out_of_band_marks_the_first_tag_alone():
    assert out_of_band(Html("<ul id=a><li>")) == '<ul hx-swap-oob="true" id=a><li>'
    assert out_of_band(Html("\n <my-tag>")) == '\n <my-tag hx-swap-oob="true">'
    assert out_of_band("a < b") == "a &lt; b"
