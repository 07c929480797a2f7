"""An event, drawn."""

import pytest
from hubs import Feed, Html, Post

from tidewire import BadMessage, BadStream, sse_message, topic
from tidewire.drawing import draw_html, draw_json
from tidewire.journal import Entry

ENTRY = Entry(7, "feed", "put", b'{"n":3,"text":"hello"}', 0.0)


def drawn_by(generator, entry=ENTRY):
    return draw_html(topic("feed", Post, snapshot=lambda context: Html())(generator), entry, "e-7").decode()


def test_an_event_bears_its_id():
    assert draw_html(Feed().topic("feed"), ENTRY, "e-7") == b"id: e-7\nevent: post\ndata: 3\n\n"


def test_the_id_stands_in_the_last_message_alone():
    async def three(posts):
        async for post in posts:
            yield sse_message("a", id=post.id)
            yield sse_message("b", id="mine") + sse_message("id: c\nid: d", id=post.id)

    assert drawn_by(three) == "data: a\n\ndata: b\n\nid: e-7\ndata: id: c\ndata: id: d\n\n"


def test_a_generator_may_have_nothing_to_say():
    async def nothing(posts):
        async for post in posts:
            if post.data.n == 4:
                yield sse_message("four")

    assert drawn_by(nothing) == ""


def test_a_message_that_has_no_end_is_refused():
    async def half(posts):
        async for _ in posts:
            yield "data: half\n"

    with pytest.raises(BadMessage, match="whole messages"):
        drawn_by(half)


def test_a_generator_that_waits_for_something_else_is_refused():
    import asyncio

    async def waits(posts):
        async for _ in posts:
            await asyncio.sleep(0)
            yield sse_message("late")

    with pytest.raises(BadStream, match="may wait for its events only"):
        drawn_by(waits)


def test_what_a_generator_raises_comes_out():
    async def raises(posts):
        async for _ in posts:
            raise KeyError("broken")
            yield

    with pytest.raises(KeyError):
        drawn_by(raises)


def test_json_is_the_contract_itself():
    feed = Feed().topic("feed")
    assert draw_json(feed, ENTRY, "e-7") == b'event: post\nid: e-7\ndata: {"n":3,"text":"hello"}\n\n'
    assert draw_json(feed, ENTRY._replace(action="remove"), "e-7").startswith(b"event: post-removed\n")


def test_an_ephemeral_event_has_no_id():
    entry = ENTRY._replace(sequence=0, ephemeral=True)
    assert b"id:" not in draw_json(Feed().topic("feed"), entry, "e-0")
    assert b"id:" not in draw_html(Feed().topic("feed"), entry, "e-0")


def test_a_contract_that_has_changed_cannot_be_drawn():
    with pytest.raises(ValueError, match="n"):
        draw_html(Feed().topic("feed"), ENTRY._replace(data=b'{"m":1}'), "e-7")
