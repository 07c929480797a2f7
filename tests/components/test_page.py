import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from fastcore.xml import FT, to_xml

from components.clock import ClockPage
from components.counter import CounterPage, LiveCounter
from components.events import EventsPage
from components.overview import Card, Overview
from components.page import Layout, NotFound, ServerError, headers

ORIGIN = "http://127.0.0.1:5001/"
PAGES = {
    "overview": Overview(
        [Card("counter", "Counter", "Counts", "/counter", LiveCounter()), Card("clock", "Clock", "Ticks", "/clock")]
    ),
    "clock": ClockPage(ORIGIN, "async def clock():\n    yield 1\n"),
    "counter": CounterPage(ORIGIN),
    "events": EventsPage(ORIGIN),
    "not found": NotFound("/<b>"),
    "server error": ServerError("3f9a"),
}


def request(path: str, *hrefs: str) -> Any:
    navigation = [SimpleNamespace(href=href, title=href.strip("/").title()) for href in hrefs]
    return SimpleNamespace(
        url=SimpleNamespace(path=path), app=SimpleNamespace(state=SimpleNamespace(navigation=navigation))
    )


def text(*content: FT) -> str:
    return "".join(to_xml(part) for part in content)


def links(html: str) -> list[tuple[str, str | None]]:
    nav = html[html.index("<nav") : html.index("</nav>")]
    found = re.findall(r"<a\b([^>]*)>", nav)
    return [
        (re.search(r'href="([^"]*)"', tag)[1], (re.search(r'aria-current="([^"]*)"', tag) or [None, None])[1])
        for tag in found
    ]


def test_the_layout_lists_the_overview_first_and_then_the_navigation():
    html = text(*Layout("hello", request("/", "/clock", "/counter")))
    assert links(html) == [("/", "page"), ("/clock", None), ("/counter", None)]


def test_the_layout_marks_the_current_page_and_the_part_of_the_board_it_is_in():
    assert ("/clock", "page") in links(text(*Layout("", request("/clock", "/clock"))))
    assert links(text(*Layout("", request("/rooms/lobby", "/rooms", "/room")))) == [
        ("/", None),
        ("/rooms", "true"),
        ("/room", None),
    ]


def test_the_layout_holds_the_content_in_main_where_the_skip_link_leads():
    html = text(*Layout("hello", request("/")))
    assert html.index('href="#main"') < html.index("<header")
    assert "hello" in html[html.index("<main") : html.index("</main>")]


def test_a_page_without_navigation_is_still_a_page():
    bare = SimpleNamespace(url=SimpleNamespace(path="/"), app=SimpleNamespace(state=SimpleNamespace()))
    assert links(text(*Layout("", bare))) == [("/", "page")]


def test_the_head_loads_from_this_origin_only_and_the_theme_before_the_first_paint():
    html = text(*headers())
    assert all(url.startswith("/") for url in re.findall(r'(?:src|href)="([^"]*)"', html))
    scripts = re.findall(r"<script[^>]*>", html)
    assert [tag for tag in scripts if "defer" not in tag] == ['<script src="/static/theme.js">']
    assert html.index("theme.js") < html.index("stylesheet")
    assert html.index("htmx.min.js") < html.index("sse.js") < html.index("live.js")


def test_htmx_keeps_the_policy_and_shows_a_refused_form():
    config = json.loads(next(tag for tag in headers() if tag.attrs.get("name") == "htmx-config").attrs["content"])
    assert config["allowEval"] is False
    assert config["includeIndicatorStyles"] is False
    assert {"code": "422", "swap": True} in config["responseHandling"]
    assert config["responseHandling"][-1] == {"code": "[45]..", "swap": False, "error": True}


@pytest.mark.parametrize("page", PAGES)
def test_no_page_breaks_the_content_security_policy(page):
    html = text(*Layout(PAGES[page], request("/")))
    assert not re.search(r"""<[^>]*\s(style|on\w+)\s*=""", html)
    assert "<style" not in html
    assert "<script" not in html


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_title_and_one_first_heading(page):
    assert re.search(r"<title>[^<]+ · Tidewire</title>", text(*PAGES[page]))
    assert len(re.findall(r"<h1\b", text(*PAGES[page]))) == 1


@pytest.mark.parametrize("page", ["overview", "clock", "counter", "events"])
def test_a_page_has_one_stream_which_can_be_paused_and_is_no_live_region(page):
    html = text(*PAGES[page])
    assert len(re.findall("sse-connect=", html)) == 1
    paused = re.search(r'data-live-pause="([^"]*)"', html)[1]
    assert f'id="{paused}"' in html
    assert not re.search(r"aria-live|role=\"(status|alert|log)\"|<output", html)


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("clock", "curl -N http://127.0.0.1:5001/sse/clock"),
        ("counter", "curl -N http://127.0.0.1:5001/sse/counter"),
        ("events", "curl -N http://127.0.0.1:5001/events"),
    ],
)
def test_a_live_page_tells_its_curl_line_and_that_each_connection_has_its_own_generator(page, line):
    html = text(*PAGES[page])
    assert f">{line}</code>" in html
    assert "generator of its own" in html


def test_an_error_page_escapes_the_path_and_tells_the_reference():
    assert "/&lt;b&gt;" in text(*PAGES["not found"])
    assert "3f9a" in text(*PAGES["server error"])
