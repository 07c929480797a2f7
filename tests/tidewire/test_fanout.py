"""One chunk for each set of topics, and what the index spares."""

import pytest
from hubs import message

from tidewire.fanout import Fanout
from tidewire.window import Painter, Window


class Listener:
    def __init__(self):
        self.got, self.parked, self.behind, self.failed = [], [], [], False
        self.raises = self.waits = None

    async def send(self, asgi):
        if self.raises:
            raise self.raises
        if self.waits:
            await self.waits
        self.got.append(asgi)

    def park(self, sending, waits_for, cursor):
        sending.close()
        self.parked.append((waits_for, cursor))

    def fall_behind(self, cursor):
        self.behind.append(cursor)

    def fail(self):
        self.failed = True


@pytest.fixture
def fanout():
    return Fanout(Painter(Window(100, 100_000)))


def join(fanout, *topics, form="html"):
    listener = Listener()
    listener.group = fanout.join(listener, frozenset(topics), form)
    return listener


def test_a_group_is_sent_one_chunk_of_all_that_concerns_it(fanout, feed):
    a, b = feed.topic("a"), feed.topic("b")
    one, same, both, other = join(fanout, "a"), join(fanout, "a"), join(fanout, "a", "b"), join(fanout, "c")
    fanout.send([message(a, 1), message(b, 2), message(a, 3)], 0, 3)
    assert [g["body"].count(b"id:") for g in one.got] == [2]
    assert one.got[0] is same.got[0], "the very same message"
    assert [g["body"].count(b"id:") for g in both.got] == [3]
    assert other.got == []
    assert sorted(feed.drawn) == [1, 2, 3], "each once"


def test_nobody_listens_and_nothing_is_drawn(fanout, feed):
    fanout.send([message(feed.topic("a"), 1)], 0, 1)
    assert feed.drawn == []


def test_a_send_that_waits_is_parked_and_one_that_raises_fails_and_the_rest_go_on(fanout, feed):
    import asyncio

    slow, gone, well = (join(fanout, "a") for _ in range(3))
    loop = asyncio.new_event_loop()
    slow.waits, gone.raises = loop.create_future(), OSError()
    fanout.send([message(feed.topic("a"), 9)], 0, 9)
    loop.close()
    assert slow.parked == [(slow.waits, 9)]
    assert gone.failed
    assert len(well.got) == 1


def test_who_listens_to_what_cannot_be_drawn_falls_behind_and_the_others_do_not(fanout, feed):
    a, b = feed.topic("a"), feed.topic("b")
    feed.broken.add(2)
    hit, both, other, json = (
        join(fanout, "a"),
        join(fanout, "a", "b"),
        join(fanout, "b"),
        join(fanout, "a", form="json"),
    )
    fanout.send([message(a, 1), message(a, 2), message(b, 3)], 0, 3)
    assert (hit.behind, both.behind, other.behind, json.behind) == ([0], [0], [], [])
    assert (len(hit.got), len(other.got), len(json.got)) == (0, 1, 1)


def test_a_group_that_is_empty_is_forgotten(fanout):
    for number in range(100):
        listener = join(fanout, "a", f"room/{number}")
        fanout.leave(listener, listener.group)
        fanout.leave(listener, listener.group)
    assert not fanout._groups
    assert not fanout._by_topic


def test_an_event_looks_at_the_groups_it_concerns_however_many_there_are(fanout, feed, monkeypatch):
    for number in range(10_000):
        join(fanout, f"room/{number}")
    topic = feed.topic("room/{n}")
    one = message(topic, 1)
    one.entry = one.entry._replace(topic="room/77")
    asked = []
    monkeypatch.setattr("tidewire.group.Group.send", lambda group, *_: asked.append(group))
    fanout.send([one], 0, 1)
    assert [group.key[0] for group in asked] == [frozenset({"room/77"})]
