"""Every page in a real browser: light and dark, wide and narrow, and nothing in the console."""

import re

import pytest
from browsers import Complaints, expect, open_tab, wait_until_live

PAGES = ["/", "/clock", "/counter", "/events/page"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_live_and_breaks_neither_policy_nor_origin(browser, board, path, scheme):
    context = browser.new_context(base_url=board.url, color_scheme=scheme)
    complaints = Complaints(context, board.url)
    tab = open_tab(context, path)
    wait_until_live(tab)
    tab.wait_for_load_state("load")
    text = tab.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert complaints == []
    brightness = sum(map(float, re.findall(r"[\d.]+", text)[:3])) / 3
    assert (brightness > 128) == (scheme == "dark"), text
    context.close()


@pytest.mark.parametrize("path", [*PAGES, "/nothing"])
def test_no_page_scrolls_sideways_on_the_narrowest_phone(browser, board, path):
    context = browser.new_context(base_url=board.url, viewport={"width": 320, "height": 640})
    tab = open_tab(context, path)
    if path != "/nothing":
        wait_until_live(tab)
    tab.wait_for_load_state("load")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


def test_a_page_that_does_not_exist_says_so_and_leads_back(tabs):
    tab = open_tab(tabs, "/nothing/<b>here</b>")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Page not found")
    expect(tab.locator("main")).to_contain_text("/nothing/<b>here</b>")
    tab.get_by_text("Back to the overview").click()
    expect(tab).to_have_url("/")


def test_a_chosen_theme_outlasts_the_page(tabs):
    tab = open_tab(tabs, "/")
    button = tab.locator("[data-theme-button]")
    for _ in range(2):
        button.click()
    expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
    tab.reload(wait_until="domcontentloaded")
    expect(tab.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_board_is_reached_from_every_page_by_its_navigation(tabs):
    tab = open_tab(tabs, "/")
    tab.get_by_role("navigation", name="Pages").get_by_role("link", name="Clock").click()
    expect(tab).to_have_url("/clock")
    wait_until_live(tab)
