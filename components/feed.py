"""The feed: its contract, its posts with the newest on top, and the form for the next."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import pydantic
from fastcore.xml import FT
from fasthtml.components import H2, Bdi, Button, Div, Form, Input, Li, P, Section, Span, Strong, Textarea, Ul
from pydantic import BaseModel, StringConstraints

from components.live import Live, PauseButton, Swap
from components.names import NAME_LENGTH, Name
from components.parts import Command, Elsewhere, Field, Moment, PageHead, PageTitle, Panel

TEXT_LENGTH = 2000
SHOWN = 50  # posts in a page whose reader is at its top; older ones come as they are scrolled to
ON_CARD = 4


class NewPost(BaseModel):
    """What somebody posts."""

    author: Annotated[Name, pydantic.Field(description="who says it, as they call themselves", examples=["Ana"])]
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LENGTH),
        pydantic.Field(description="what is said; its line breaks are kept", examples=["Version 2 is out."]),
    ]


class Post(NewPost):
    """One post."""

    id: Annotated[int, pydantic.Field(description="its number; later ones are larger", examples=[42])]
    time: Annotated[datetime, pydantic.Field(description="when it was posted, UTC")]


def PostItem(post: Post) -> FT:
    """Draw a post. The last one in the page tells, by its field, where the older ones begin."""
    return Li(
        Strong(Bdi(post.author)),
        Moment(post.time),
        P(post.text, dir="auto"),
        Input(type="hidden", name="before", value=post.id),
        id=f"post-{post.id}",
    )


def Posts(newest: Iterable[Post], most: int = SHOWN) -> FT:
    """Draw the newest posts, where the stream puts the next on top and live-put.js lets the oldest go."""
    items = map(PostItem, newest)
    return Swap("new-post", *items, tag=Ul, swap="afterbegin", id="feed", cls="posts", data_max=str(most), tabindex=-1)


def Older(more: bool, **attrs: str) -> FT:
    """Fetch older posts once it is scrolled to, or say that there are none; each answer brings it anew.

    Both are there: a list that has let its oldest go has older ones again (feed.js).
    """
    fetch = P(
        "Older posts …",
        hidden=not more,
        hx_get="/feed",
        hx_trigger="intersect",
        hx_include="#feed > :last-child > [name=before]",
        hx_target="#feed",
        hx_swap="beforeend",
    )
    return Div(fetch, P("This is where it began.", hidden=more), id="feed-older", cls="waiting", **attrs)


def PostsRegion(newest: Iterable[Post], more: bool, most: int = SHOWN) -> tuple[FT, FT, FT]:
    """Draw the newest posts, what is said where there are none, and what fetches older ones."""
    return Posts(newest, most), P("Nobody has posted yet.", id="feed-empty", cls="empty"), Older(more)


def OlderPosts(older: Iterable[Post], more: bool) -> tuple[FT, ...]:
    """Draw a page of older posts, and out of band what fetches the next."""
    return *map(PostItem, older), Older(more, hx_swap_oob="true")


def PostForm(author: str = "", text: str = "", faults: Mapping[str, str] = {}) -> FT:
    """Ask for a post; `faults` says, by field, why what was given cannot be one."""
    return Form(
        Field(
            "post-author",
            "Your name",
            fault=faults.get("author", ""),
            name="author",
            value=author,
            autocomplete="nickname",
            required=True,
            maxlength=NAME_LENGTH,
        ),
        Field(
            "post-text",
            "Post",
            text,
            tag=Textarea,
            fault=faults.get("text", ""),
            name="text",
            rows=3,
            required=True,
            maxlength=TEXT_LENGTH,
        ),
        Button("Post"),
        id="post-form",
        cls="post-form",
        hx_post="/feed",
        hx_target="this",
        hx_swap="outerHTML",
        hx_disabled_elt="find button",
    )


def NewPosts() -> tuple[FT, FT]:
    """Hold new posts back while the reader is further down, and tell how many there are (feed.js)."""
    return Span(id="feed-top"), Div(PauseButton("feed", "New posts"), cls="feed-new")


def FeedPage(newest: Sequence[Post], more: bool, author: str, after: str, origin: str) -> tuple[Any, ...]:
    """Show the newest posts live, from the cursor `after` on, to the session that posts as `author`."""
    board = origin.rstrip("/")
    post = (
        f'curl {board}/feed -H "Authorization: Bearer $(cat data/token)" -d author=Deploy -d "text=Version 2 is out."'
    )
    return (
        PageTitle("Feed"),
        PageHead(
            "Feed",
            "The newest post is on top, in every open tab. Whoever reads further down is not disturbed: what is new "
            "waits above.",
        ),
        PostForm(author),
        Live(
            f"/sse/feed?after={after}",
            *NewPosts(),
            Panel(
                *PostsRegion(newest, more),
                caption="/sse/feed",
                actions=PauseButton("feed"),
            ),
        ),
        Div(
            Elsewhere(board, "/sse/feed"),
            Section(H2("Post from anywhere"), P("Any program posts with a single call."), Command(post)),
            cls="elsewhere",
        ),
    )
