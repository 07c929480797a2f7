"""The page around the content: what its head loads, and the layout of its body."""

import json
from collections.abc import Iterator
from typing import Any, Protocol

from fastcore.xml import FT
from fasthtml.components import A, Button, Code, Div, Footer, Img, Li, Link, Main, Meta, Nav, P, Script, Span, Ul
from fasthtml.components import Header as Bar
from starlette.requests import Request

from components.live import Badge
from components.parts import PageHead, PageTitle

DESCRIPTION = "A live board in Python: what happens on the server is in every open tab at once."
THEMES = ("auto", "light", "dark")
HTMX = {
    "includeIndicatorStyles": False,  # these two would break the content security policy
    "allowEval": False,
    "allowScriptTags": False,
    "selfRequestsOnly": True,
    "defaultSettleDelay": 0,  # what comes in works at once: a form sent meanwhile would leave the page
    "historyCacheSize": 0,  # a live page put back from a cache would show the past
    "refreshOnHistoryMiss": True,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "422", "swap": True},  # a form that did not make sense comes back with its faults
        {"code": "[45]..", "swap": False, "error": True},  # board.js says so, so that it does not vanish
    ],
}


class Entry(Protocol):
    """One entry of the navigation."""

    @property
    def href(self) -> str:
        """Where it leads."""

    @property
    def title(self) -> str:
        """What it is called."""


def headers() -> list[FT]:
    """List what the head of every page holds, for `FastHTML(default_hdrs=False, hdrs=headers())`."""
    return [
        Meta(charset="utf-8"),
        Meta(name="viewport", content="width=device-width, initial-scale=1, viewport-fit=cover"),
        Meta(name="color-scheme", content="light dark"),
        Meta(name="description", content=DESCRIPTION),
        Meta(name="htmx-config", content=json.dumps(HTMX, separators=(",", ":"))),
        Link(rel="icon", type="image/svg+xml", href="/static/favicon.svg"),
        Script(src="/static/theme.js"),  # before the first paint, or a dark page would flash white
        Link(rel="stylesheet", href="/static/vendor/pico.min.css"),
        Link(rel="stylesheet", href="/static/board.css"),
        Link(rel="stylesheet", href="/static/parts.css"),
        Link(rel="stylesheet", href="/static/log.css"),
        Link(rel="stylesheet", href="/static/connections.css"),
        Link(rel="stylesheet", href="/static/jobs.css"),
        Link(rel="stylesheet", href="/static/rooms.css"),
        Link(rel="stylesheet", href="/static/sensors.css"),
        Link(rel="stylesheet", href="/static/notifications.css"),
        Link(rel="stylesheet", href="/static/feed.css"),
        Script(src="/tidewire/vendor/htmx.min.js", defer=True),
        Script(src="/tidewire/vendor/sse.js", defer=True),
        Script(src="/tidewire/live.js", defer=True),
        Script(src="/tidewire/live-hold.js", defer=True),
        Script(src="/tidewire/live-put.js", defer=True),
        Script(src="/tidewire/live-focus.js", defer=True),
        Script(src="/tidewire/live-state.js", defer=True),
        Script(src="/static/board.js", defer=True),
        Script(src="/static/notifications.js", defer=True),
        Script(src="/static/feed.js", defer=True),
        Script(src="/static/log.js", defer=True),
    ]


def Layout(c: Any, req: Request, parts: bool = True) -> tuple[FT, ...]:
    """Lay out a page around its content: FastHTML's body_wrap.

    `app.state.navigation` lists the entries after the overview, in their order.
    parts: False leaves out what the entries put on every page.
    """
    navigation = getattr(req.app.state, "navigation", ())
    beside = _drawn("beside", navigation, req) if parts else {}
    everywhere = _drawn("everywhere", navigation, req) if parts else {}
    return (
        A("Skip to the content", href="#main", cls="skip"),
        Bar(
            A(Img(src="/static/favicon.svg", alt="", width=28, height=28), Span("Tidewire"), href="/", cls="brand"),
            Badge(),
            Button("Menu", type="button", cls="menu-button", popovertarget="menu"),
            # A popover on a phone; where there is room, css shows it as the sidebar that it then is.
            Nav(
                Ul(*_entries(navigation, req.url.path, beside)),
                ThemeButton(),
                id="menu",
                popover=True,
                aria_label="Pages",
            ),
            cls="bar",
        ),
        Main(Div(id="notice", role="alert"), c, id="main", tabindex=-1),
        Footer(P("Nothing on this page comes from elsewhere. ", A("Health of the streams", href="/sse-health"))),
        *everywhere.values(),
    )


def _drawn(what: str, navigation: Any, req: Request) -> dict[str, Any]:
    """Draw what the entries have beside their titles, or on every page, by their addresses; most have nothing."""
    draws = ((entry.href, getattr(entry, what, None)) for entry in navigation)
    return {href: draw(req) for href, draw in draws if draw}


def _entries(navigation: Any, path: str, beside: dict[str, Any]) -> Iterator[FT]:
    for href, title in [("/", "Overview"), *((entry.href, entry.title) for entry in navigation)]:
        inside = href != "/" and path.startswith(f"{href}/")
        current = "page" if path == href else "true" if inside else None
        yield Li(A(title, beside.get(href), href=href, aria_current=current))


def ThemeButton() -> FT:
    """Change the theme; css shows the one label that is true, theme.js keeps the choice."""
    return Button(
        *(Span(Span("Theme: ", cls="theme-word"), theme, data_theme_is=theme) for theme in THEMES),
        type="button",
        cls="theme-button",
        data_theme_button=True,
    )


def NotFound(path: str) -> tuple[FT, ...]:
    """Say that there is no page at `path`."""
    return (
        PageTitle("Page not found"),
        _Problem("404", "Page not found", "There is no page at ", Code(path), "."),
    )


def ServerError(reference: str) -> tuple[FT, ...]:
    """Say that the page failed; the log has the rest under `reference`."""
    return (
        PageTitle("Something broke"),
        _Problem("500", "Something broke", "The server's log has the reason under ", Code(reference), "."),
    )


def _Problem(code: str, title: str, *about: Any) -> FT:
    back = A("Back to the overview", href="/", role="button")
    return Div(P(code, cls="problem-code", aria_hidden="true"), PageHead(title, *about), back, cls="problem")
