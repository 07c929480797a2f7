"""Live components in several tabs of a real browser."""

import re

import pytest
from browsers import (
    Complaints,
    badge,
    counter_of,
    expect,
    next_count,
    open_tab,
    wait_for_count,
    wait_until_live,
    wait_until_not_live,
)
from servers import RELOAD, until


def test_two_tabs_count_each_on_its_own(tabs):
    first = open_tab(tabs, "/counter")
    wait_for_count(first, 2)
    second = open_tab(tabs, "/counter")
    wait_for_count(second, 1)
    assert counter_of(second) < counter_of(first)
    before = counter_of(first)
    wait_for_count(second, 2)
    assert counter_of(first) > before


def test_five_tabs_of_the_overview_count_each_on_its_own(tabs, complaints):
    opened = []
    for _ in range(5):
        tab = open_tab(tabs, "/")
        wait_until_live(tab)
        wait_for_count(tab, 1)
        opened.append(tab)
    counts = [counter_of(tab) for tab in opened]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0], "the tabs share one counter"
    for tab, count in zip(opened, counts, strict=True):
        wait_for_count(tab, count + 1)
    assert complaints == []


def test_a_tab_that_leaves_ends_its_stream(tabs, board):
    tab = open_tab(tabs, "/clock")
    wait_until_live(tab)
    assert "/sse/clock" in str(board.get("/sse-health").json())
    tab.close()
    until(lambda: "/sse/clock" not in str(board.get("/sse-health").json()), 5)


def test_a_server_that_was_stopped_and_started_is_rejoined_and_the_count_goes_on(browser, serve):
    server = serve()
    context = browser.new_context(base_url=server.url)
    tab = open_tab(context, "/counter")
    wait_for_count(tab, 3)
    server.stop()
    expect(badge(tab)).to_have_text("waiting")
    stopped_at = counter_of(tab)
    server.start()
    assert stopped_at < next_count(tab) <= stopped_at + 10
    wait_until_live(tab)
    context.close()


@pytest.mark.slow
def test_after_a_saved_file_the_tabs_are_live_again(browser, serve):
    server = serve(RELOAD)
    context = browser.new_context(base_url=server.url)
    opened = [open_tab(context, "/counter") for _ in range(2)]
    for tab in opened:
        wait_for_count(tab, 2)
    file = server.project / "components" / "overview.py"
    file.write_text(file.read_text() + "\n")
    for tab in opened:
        wait_until_not_live(tab)
    for tab in opened:
        wait_until_live(tab, 10)  # what is promised is 5; a busy machine that runs the tests gets more
        wait_for_count(tab, counter_of(tab) + 1)
    context.close()


def test_what_moves_is_held_while_it_is_paused_and_goes_on_after(tabs, complaints):
    tab = open_tab(tabs, "/counter")
    wait_for_count(tab, 1)
    pause = tab.get_by_role("button", name="Pause")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    held_at = counter_of(tab)
    expect(pause).to_have_attribute("data-live-held", re.compile(r"[2-9]|\d\d"))
    assert counter_of(tab) == held_at
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "false")
    wait_for_count(tab, held_at + 2)
    assert complaints == []


def test_the_keyboard_alone_pauses(tabs):
    tab = open_tab(tabs, "/counter")
    wait_until_live(tab)
    pause = tab.get_by_role("button", name="Pause")
    for _ in range(40):
        tab.keyboard.press("Tab")
        if pause.evaluate("button => button === document.activeElement"):
            break
    expect(pause).to_be_focused()
    tab.keyboard.press("Space")
    expect(pause).to_have_attribute("aria-pressed", "true")


def test_the_focus_stays_on_what_is_replaced_each_second(tabs):
    tab = open_tab(tabs, "/counter")
    wait_for_count(tab, 1)
    tab.locator("#counter button.counter").focus()
    wait_for_count(tab, counter_of(tab) + 1)
    expect(tab.locator("#counter button.counter")).to_be_focused()


@pytest.mark.parametrize("path", ["/clock", "/events/page"])
def test_what_comes_is_shown_as_it_comes(tabs, path):
    tab = open_tab(tabs, path)
    wait_until_live(tab)
    shown = tab.locator("#clock .readout, #events .wire")
    before = shown.inner_text()
    expect(shown).not_to_have_text(before)


def test_complaints_hear_what_goes_wrong(tabs, board):
    heard = Complaints(tabs, board.url)
    tab = open_tab(tabs, "/counter")
    tab.evaluate(
        "() => { const image = document.createElement('img'); image.src = 'http://127.0.0.1:9/x.png'; "
        "document.body.append(image); }"
    )
    tab.evaluate("() => document.body.setAttribute('style', 'color: red')")
    wait_for_count(tab, 1)
    assert any("Content Security Policy" in complaint for complaint in heard)
