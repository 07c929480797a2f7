"""The newest messages, in memory."""

import logging

from hubs import Feed, message
from hypothesis import given
from hypothesis import strategies as st

from tidewire.window import Painter, Window, worth_telling


def sequences(messages):
    return [m.entry.sequence for m in messages]


def test_what_is_after_a_cursor_up_to_the_last_flush(feed):
    window, topic = Window(10, 100_000), feed.topic("feed")
    for sequence in (2, 3, 5, 8):
        window.add(message(topic, sequence))
    assert sequences(window.after(2, 5)) == [3, 5]
    assert sequences(window.after(0, 99)) == [2, 3, 5, 8]
    assert sequences(window.after(8, 99)) == sequences(window.after(4, 4)) == []


def test_it_is_bounded_by_count_and_its_floor_rises(feed):
    window, topic = Window(3, 100_000), feed.topic("feed")
    for sequence in range(1, 8):
        window.add(message(topic, sequence))
    assert (len(window), window.floor) == (3, 4)
    assert sequences(window.after(window.floor, 99)) == [5, 6, 7]


def test_one_message_larger_than_the_window_leaves_it_empty(feed):
    window, topic = Window(3, 2_000), feed.topic("feed")
    window.add(message(topic, 1))
    window.add(message(topic, 2, size=5_000))
    assert (len(window), window.floor, window.size) == (0, 2, 0)


@given(st.lists(st.tuples(st.sampled_from(["add", "ephemeral", "draw html", "draw json"]), st.integers(0, 3_000))))
def test_it_never_holds_more_bytes_than_it_may_and_counts_them_right(steps):
    topic = Feed().topic("feed")
    window = Window(20, 10_000)
    painter, made = Painter(window), []
    for step, number in steps:
        if step in ("add", "ephemeral"):
            made.append(
                message(topic, 0 if step == "ephemeral" else len(made) + 1, size=number, ephemeral=step != "add")
            )
            if step == "add":
                window.add(made[-1])
        elif made:  # also what has fallen out of it, and what was never in it
            painter.draw(made[number % len(made)], step.removeprefix("draw "))
        held = window.after(0, 10**9)
        assert window.size == sum(m.size for m in held) <= 10_000
        assert len(held) <= 20


def test_a_message_is_drawn_once_in_each_form(feed):
    painter, first = Painter(Window(5, 10_000)), message(feed.topic("feed"), 1)
    assert painter.draw(first, "html") is painter.draw(first, "html")
    assert painter.draw(first, "json") is painter.draw(first, "json")
    assert feed.drawn == [1]


def test_one_that_cannot_be_drawn_is_logged_once_and_remembered(feed, caplog):
    feed.broken.add(1)
    topic = feed.topic("feed")
    painter, broken = Painter(Window(5, 10_000)), message(topic, 1)
    assert [painter.draw(broken, "html") for _ in range(3)] == [None] * 3
    assert painter.draw(message(topic, 1), "html") is None, "the same event, out of the journal"
    assert painter.draw(broken, "json"), "its JSON is no component"
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "event e-1 of topic feed cannot be drawn: it is skipped"
    ]


def test_of_a_topic_that_keeps_the_latest_only_the_newest_is_worth_telling(feed):
    every, latest = feed.topic("feed"), feed.topic("stats", keep="latest")
    found = [message(latest, 1), message(every, 2), message(latest, 3), message(every, 4)]
    assert sequences(worth_telling(found)) == [2, 3, 4]
