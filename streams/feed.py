"""The feed: posts, the newest on top."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from fasthtml.components import Div
from fasthtml.core import APIRouter, HtmxHeaders
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.requests import Request

from components.feed import ON_CARD, SHOWN, FeedPage, NewPost, OlderPosts, Post, PostForm, PostItem, PostsRegion
from components.page import Layout
from streams import LiveThing, fragment
from streams.database import LARGEST_NUMBER, held
from streams.programs import answer_once, give_back
from tidewire import Change, Event, sse_message, topic

routes = APIRouter(body_wrap=Layout)


def prepare(change: Change) -> None:
    """Make the table."""
    change.db.t.posts.create(id=int, author=str, text=str, time=str, pk="id", if_not_exists=True)


def add(change: Change, new: NewPost) -> str:
    """Add a post and return the id of its event."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return change.publish("feed", Post(**change.db.t.posts.insert(author=new.author, text=new.text, time=now)))


def posts(db: Any, before: int = LARGEST_NUMBER, most: int = SHOWN) -> tuple[list[Post], bool]:
    """Read the newest posts before a number, the newest first, and tell whether there are older ones."""
    rows = db.q("SELECT * FROM posts WHERE id < ? ORDER BY id DESC LIMIT ?", [before, most + 1])
    return [Post(**row) for row in rows[:most]], len(rows) > most


@topic("feed", Post, event="new-post", snapshot=lambda db: PostsRegion(*posts(db)))
async def feed(posted: AsyncIterator[Event[Post]]) -> AsyncIterator[str]:
    """Put each new post on top."""
    async for event in posted:
        yield sse_message(PostItem(event.data), event="new-post", id=event.id)


@routes("/feed", methods=["GET"])
def page(request: Request, state: State, htmx: HtmxHeaders, before: int = LARGEST_NUMBER) -> Any:
    """Show the newest posts; htmx is given those before a number."""
    if htmx.request:
        return fragment(OlderPosts(*posts(state.db, held(before))))
    after = state.hub.cursor
    author = str(request.session.get("name", ""))
    return FeedPage(*posts(state.db), author, after, str(request.base_url))


@routes("/feed", methods=["POST"])
async def create(request: Request, state: State, htmx: HtmxHeaders, data: dict) -> Any:  # type: ignore[type-arg]
    """Post something: a person by the form, a program by form or JSON."""
    try:
        new = NewPost.model_validate(data)
    except ValidationError as invalid:
        author, text = str(data.get("author", "")), str(data.get("text", ""))
        return give_back(htmx, invalid, lambda faults: PostForm(author, text, faults))
    if not htmx.request:
        return await answer_once(request, state.hub, add, new)
    request.session["name"] = new.author
    await state.hub.change(add, new)
    return fragment(PostForm(new.author))


def part(state: State) -> Any:
    """Show the newest few in somebody else's stream."""
    return Div(*PostsRegion(*posts(state.db, most=ON_CARD), ON_CARD))


thing = LiveThing(
    "feed",
    "Feed",
    "What people and programs post",
    "/feed",
    routes,
    [feed],
    part=part,
    prepare=prepare,
    accepts={"/feed": NewPost},
)
