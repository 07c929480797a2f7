import re
from datetime import UTC, datetime

import pytest
from fastcore.xml import to_xml
from pydantic import ValidationError

from components.presence import Here, People, Typing, TypingItem, TypingOver, TypingUnseen
from components.room import Message, MessageForm, MessageItem, Messages, OlderMessages, RoomPage
from components.rooms import NewRoom, Room, RoomRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = Room(slug="lobby", name="<i>Lobby", people=2, by="<b>Ana", newest="<script>", time=NOW)


def message(number: int, text: str = "Hello") -> Message:
    return Message(id=number, room="lobby", name="<b>Ana", message=text, time=NOW)


def test_a_message_and_a_room_are_text():
    html = to_xml(MessageItem(message(7, "<script>alert(1)</script>"))) + to_xml(RoomRow(ROOM))
    assert not re.search(r"<(script|b|i)>", html)
    assert 'id="message-7"' in html
    assert 'href="/rooms/lobby"' in html


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Lobby", "lobby"), (" Kaffee  &  Küche ", "kaffee-kuche"), ("Каша 2", "kasha-2"), ("../etc", "etc"),
     ("中文", "zhong-wen"), ("a/b?c#d", "a-b-c-d")],
)  # fmt: skip
def test_the_address_of_a_room_is_plain_whatever_its_name(name, slug):
    assert NewRoom(name=name).slug == slug


@pytest.mark.parametrize("name", ["سیب\u200cزمینی", "Ana \U0001f469\u200d\U0001f4bb"])
def test_a_name_may_have_the_signs_that_join_what_is_seen(name):
    assert NewRoom(name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["\u200da", "a\u200c", "a \u200d b", "\u200d" * 3, "", " ", "...", "x" * 41, "a\u202eb", "a\x00b", "a\u200bb"],
)
def test_a_name_that_nobody_could_read_or_reach_is_none(name):
    with pytest.raises(ValidationError):
        NewRoom(name=name)


def test_the_log_is_the_one_live_region_and_what_is_scrolled_to_is_not_in_it():
    older, log = map(to_xml, Messages("lobby", [message(1)], more=True))
    assert 'role="log"' in log
    assert 'sse-swap="message"' in log
    assert "role=" not in older
    assert 'hx-trigger="intersect"' in older


def test_a_page_of_older_messages_brings_what_fetches_the_next_until_there_is_none():
    more = "".join(map(to_xml, OlderMessages("lobby", [message(1), message(2)], more=True)))
    assert more.index("message-1") < more.index("message-2") < more.index("hx-get")
    last = "".join(map(to_xml, OlderMessages("lobby", [message(1)], more=False)))
    assert "hx-get" not in last
    assert re.search(r'<p[^>]*hx-swap-oob="true"[^>]*id="older"|<p[^>]*id="older"[^>]*hx-swap-oob="true"', last)


def test_of_a_crowd_the_first_are_named_and_the_others_counted():
    html = to_xml(People(Here(people=["<b>Ana", "Ben"], total=40)))
    assert "40 here" in html
    assert "&lt;b&gt;Ana" in html
    assert "and 38 more" in html
    assert "more" not in to_xml(People(Here(people=["Ana"], total=1)))


def test_typing_and_its_end_have_one_id_and_the_own_is_put_where_nobody_sees_it():
    typing = Typing(key="5f0c", name="<b>Ana")
    assert "&lt;b&gt;Ana" in to_xml(TypingItem(typing))
    over = to_xml(TypingOver(typing))
    assert "hidden" in over
    assert all('id="typing-5f0c"' in html for html in (to_xml(TypingItem(typing)), over, to_xml(TypingUnseen("5f0c"))))


def test_the_field_keeps_what_was_typed_and_says_what_is_wrong_with_it():
    html = to_xml(MessageForm("lobby", 'a "quote"', "too long"))
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="say-fault"' in html
    assert """value='a "quote"'""" in html
    assert "aria-invalid" not in to_xml(MessageForm("lobby"))


def test_the_page_listens_to_the_room_and_is_in_it_by_a_stream_of_its_own():
    page = RoomPage(ROOM, Messages("lobby", [], False), Here(people=[], total=0), "Ana", "5f0c", "e-1", "http://x/")
    html = "".join(map(to_xml, page))
    for topic in ("rooms%2Flobby", "here%2Flobby", "typing%2Flobby"):
        assert f"topic={topic}&amp;" in html
    assert 'sse-connect="/sse/presence/lobby"' in html
    assert len(re.findall(r"<h1\b", html)) == 1
    assert html.count('role="log"') == 1
    assert "aria-live" not in html
