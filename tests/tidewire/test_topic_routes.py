"""Topics as routes: which of them there are, and what a query may ask."""

import contextlib

import pytest
from hubs import opened
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tidewire import Tidewire, stream_routes
from tidewire.journal.memory import MemoryJournal


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
