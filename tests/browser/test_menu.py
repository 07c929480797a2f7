"""The menu of a phone's width, by keyboard alone."""

import pytest
from browsers import expect, open_tab


@pytest.fixture
def narrow(browser, board):
    context = browser.new_context(base_url=board.url, viewport={"width": 390, "height": 844})
    yield open_tab(context, "/stats")
    context.close()


def test_the_menu_closes_when_the_focus_leaves_it_and_covers_nothing_that_has_it(narrow):
    menu = narrow.get_by_role("navigation", name="Pages")
    narrow.get_by_role("button", name="Menu").focus()
    narrow.keyboard.press("Enter")
    expect(menu).to_be_visible()
    menu.get_by_role("link", name="Streams").focus()
    narrow.keyboard.press("Tab")
    expect(menu.get_by_role("button", name="Theme")).to_be_focused()
    expect(menu).to_be_visible()
    narrow.keyboard.press("Tab")
    expect(menu).to_be_hidden()
    expect(narrow.locator("footer a")).to_be_focused()
    narrow.get_by_role("button", name="Menu").focus()
    narrow.keyboard.press("Enter")
    narrow.keyboard.press("Tab")
    expect(menu.get_by_role("link").first).to_be_focused()
    narrow.keyboard.press("Shift+Tab")
    expect(narrow.get_by_role("button", name="Menu")).to_be_focused()
    narrow.keyboard.press("Enter")
    expect(menu).to_be_hidden()
