"""What can be said in a topic, and by which name."""

import pytest
from hubs import Feed, Html, Post

from tidewire import BadMessage, BadPayload, BadStream, EventTooLarge, Topics, UnknownTopic, topic
from tidewire.journal import Entry, Retention
from tidewire.topics import LARGEST_EVENT


@pytest.fixture
def feed():
    return Feed().topic("feed")


@pytest.fixture
def rooms():
    return Feed().topic("rooms/{room}", known=lambda context, room: room in context)


def test_a_payload_that_breaks_its_contract_names_the_field(feed):
    with pytest.raises(BadPayload, match=r"topic 'feed': expected Post, got n: .*integer"):
        feed.draft("feed", {"n": "many"})
    with pytest.raises(BadPayload, match=r"got n: Field required"):
        feed.draft("feed", {})


def test_an_event_over_1_mib_is_refused(feed):
    assert feed.draft("feed", Post(n=1, text="x" * (LARGEST_EVENT - 50))).data
    with pytest.raises(EventTooLarge, match=str(LARGEST_EVENT)):
        feed.draft("feed", Post(n=1, text="x" * LARGEST_EVENT))


def test_a_model_is_held_to_the_contract_even_if_it_was_made_without_validation(feed):
    with pytest.raises(BadPayload, match=r"got n:"):
        feed.draft("feed", Post.model_construct(n="x", text="y"))


def test_a_full_name_finds_its_topic_and_its_parameters(feed, rooms):
    topics = Topics([feed, rooms])
    assert topics.find("rooms/tea") is rooms
    assert rooms.parameters("rooms/tea") == {"room": "tea"}
    assert rooms.parameters("rooms/tea/two") is None
    assert feed.parameters("feed") == {}


@pytest.mark.parametrize("name", ["fee", "feed/1", "rooms/", "rooms", "", "rooms/a/b"])
def test_an_unknown_name_is_answered_with_those_that_exist(feed, rooms, name):
    with pytest.raises(UnknownTopic, match=r"there are: feed, rooms/\{room\}"):
        Topics([feed, rooms]).find(name)


def test_a_name_is_taken_literally_beside_its_parameters():
    assert Feed().topic("a.b/{c}").parameters("aXb/1") is None


def test_names_from_outside_do_not_fill_the_memory(rooms):
    topics = Topics([rooms])
    for number in range(10_100):
        topics.find(f"rooms/{number}")
    assert len(topics._found) == 10_000


def test_the_journal_is_told_what_to_keep(feed):
    latest = Feed().topic("latest", keep="latest")
    short = Feed().topic("short", retention=Retention(count=3))
    topics = Topics([feed, latest, short])
    assert topics.retention("feed") == Retention()
    assert topics.retention("latest") == Retention(count=1, age=None), "the newest counts, however old it is"
    assert topics.retention("short").count == 3
    assert topics.retention("of an older version") == Retention()


def test_a_topic_needs_an_async_generator():
    with pytest.raises(BadStream, match="async def with yield"):

        @topic("feed", Post, snapshot=lambda context: Html())
        def plain(posts):
            yield ""


def test_a_topic_cannot_be_named_as_the_browser_names_its_faults():
    with pytest.raises(BadMessage, match="error"):
        Feed().topic("error", known=None) and topic("x", Post, snapshot=lambda c: "", event="error")(
            Feed().topic("x").generator
        )


def test_an_event_says_whether_it_removes(feed):
    assert feed.event_of(Entry(1, "feed", "remove", b'{"n": 1}', 0.0), "e-1").removed
    assert not feed.event_of(Entry(1, "feed", "put", b'{"n": 1}', 0.0), "e-1").removed


def test_a_topic_shows_its_source(feed):
    assert "yield sse_message" in feed.source
