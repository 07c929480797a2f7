"""The programs of docs/how-to in two tabs, as somebody sees them who has copied one."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from browsers import Complaints, expect, open_tab
from checkout import ROOT
from outside import serving
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))


def fill(tab: Page, button: str, **fields: str) -> None:
    for label, text in fields.items():
        tab.get_by_label(label.replace("_", " "), exact=True).fill(text)
    tab.get_by_role("button", name=button).click()


def counter(one: Page, other: Page) -> None:
    for tab in (one, other):
        expect(tab.locator("body")).to_contain_text(re.compile(r"Update #([2-9]|\d\d+) at"))


def feed(one: Page, other: Page) -> None:
    for text in ("first", "second"):
        fill(one, "Post", Your_name="Ada", Post=text)
        expect(one.locator("#feed li").first).to_have_text(f"Ada {text}")
    expect(other.locator("#feed li")).to_have_text(["Ada second", "Ada first"])
    expect(one.get_by_label("Post", exact=True)).to_have_value("")


def progress(one: Page, other: Page) -> None:
    one.get_by_role("button", name="Start").click()
    expect(one.get_by_label("20 of 20")).to_have_js_property("value", 20)
    expect(one.get_by_text("20 of 20")).to_have_count(1)
    other.reload()
    expect(other.get_by_text("20 of 20")).to_have_count(1)


def chat(one: Page, other: Page) -> None:
    fill(one, "Say", Your_name="Ada", Message="Ahoy")
    fill(other, "Say", Your_name="Bob", Message="Aye")
    for tab in (one, other):
        expect(tab.get_by_label("Messages").locator("li")).to_have_text(["Ada Ahoy", "Bob Aye"])


def chart(one: Page, other: Page) -> None:
    for tab in (one, other):
        expect(tab.get_by_role("img", name=re.compile(r"now [\d.]+ ms"))).to_be_visible()


def tokens(one: Page, _: Page) -> None:
    fill(one, "Ask", Question="why is it so?")
    expect(one.locator("#answers p").last).to_have_text("This is no model, but you asked: why is it so?")


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def program(request, tmp_path) -> Iterator[tuple[str, str]]:
    """A program that runs: its name and its address."""
    page = request.param
    source = re.search(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)[1]
    (tmp_path / f"{page.stem}.py").write_text(source)
    with serving([sys.executable, "-m", "uvicorn"], f"{page.stem}:app", tmp_path, PYTHONPATH=str(ROOT)) as origin:
        yield page.stem, origin


def test_it_is_live_in_two_tabs(browser: Browser, program: tuple[str, str]) -> None:
    name, origin = program
    context = browser.new_context(base_url=origin)
    complaints = Complaints(context, origin)
    use: Any = globals()[name]
    use(*(open_tab(context, "/rooms/lobby" if name == "chat" else "/") for _ in range(2)))
    assert [said for said in complaints if "404" not in said] == []  # of the favicon
    context.close()
