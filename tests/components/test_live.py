import re
from pathlib import Path

from fastcore.xml import to_xml
from fasthtml.components import Pre

from components.live import Badge, Live, PauseButton, Swap

COMPONENTS = Path(__file__).parents[2] / "components"


def test_live_connects_a_region_and_ends_it_where_told():
    html = to_xml(Live("/sse/jobs/7", Swap("progress"), close="complete", id="job"))
    assert 'hx-ext="sse"' in html
    assert 'sse-connect="/sse/jobs/7"' in html
    assert 'sse-close="complete"' in html
    assert 'id="job"' in html


def test_a_live_that_never_ends_says_nothing_of_an_end():
    assert "sse-close" not in to_xml(Live("/sse/clock"))


def test_swap_says_what_it_takes_and_where_it_puts_it():
    html = to_xml(Swap("new-post", "none yet", swap="afterbegin", tag=Pre, id="posts"))
    assert html.startswith("<pre")
    assert 'sse-swap="new-post"' in html
    assert 'hx-swap="afterbegin"' in html
    assert "none yet" in html


def test_pause_is_a_real_button_that_tells_what_it_pauses():
    html = to_xml(PauseButton("clock"))
    assert html.startswith("<button")
    assert 'type="button"' in html
    assert 'aria-pressed="false"' in html
    assert 'data-live-pause="clock"' in html
    assert 'aria-controls="clock"' in html


def test_the_badge_begins_connecting_and_tells_screen_readers_apart_from_what_it_shows():
    html = to_xml(Badge())
    assert re.search(r'<span[^>]*data-state="connecting"[^>]*>connecting</span>', html)
    assert re.search(r"<output[^>]*data-live-announce[^>]*></output>", html)


def test_only_live_py_writes_sse_attributes():
    writes = re.compile(r"""sse_(connect|swap|close)\b|["']sse-(connect|swap|close)["']|hx_ext|hx-ext""")
    writers = {path.name for path in COMPONENTS.glob("*.py") if writes.search(path.read_text())}
    assert writers == {"live.py"}
