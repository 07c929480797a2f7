"""The connections as a person sees them: two browsers, one of which closes the other's."""

import pytest
from browsers import badge, expect, open_tab, wait_until_live
from programs import Program
from servers import streams


@pytest.fixture
def neighbour(browser, board):
    """Another browser, on the same board."""
    context = browser.new_context(base_url=board.url)
    yield context
    context.close()


def row(tab, path):
    return tab.locator("#connection-rows tr", has_text=path)


def test_the_tabs_of_a_browser_are_one_connection_and_closing_it_keeps_all_of_them_away(
    tabs, neighbour, board, complaints
):
    counter, tasks = open_tab(neighbour, "/counter"), open_tab(neighbour, "/tasks")
    watching, second = open_tab(tabs, "/connections"), open_tab(tabs, "/connections")
    for tab in (counter, tasks, watching, second):
        wait_until_live(tab)
    for tab in (watching, second):
        expect(row(tab, "/sse/counter")).to_have_count(1)
        expect(row(tab, "/sse/counter")).to_contain_text("/sse/live")  # of the other tab
        expect(tab.locator("#connections .stats dd").first).to_have_text("2")
    row(watching, "/sse/counter").get_by_role("button", name="Close").click()
    for tab in (watching, second):
        expect(row(tab, "/sse/counter")).to_have_count(0)
        expect(tab.locator("#connections .stats dd").first).to_have_text("1")
    for tab in (counter, tasks):
        expect(badge(tab)).to_have_text("closed")
    new = open_tab(neighbour, "/clock")  # whoever opens a page is welcome
    wait_until_live(new)
    expect(row(watching, "/sse/clock")).to_have_count(1)
    expect(badge(counter)).to_have_text("closed")
    expect(row(watching, "/sse/counter")).to_have_count(0)
    counter.reload()
    wait_until_live(counter)
    assert complaints == []


def test_the_browsers_own_event_source_stays_away_when_it_is_closed(tabs, neighbour, board):
    plain = neighbour.new_page()
    plain.goto(f"{board.url}/health/live")
    plain.evaluate(
        """() => { window.heard = []; window.source = new EventSource("/sse/clock");
        source.onopen = () => heard.push("open"); source.onerror = () => heard.push("error"); }"""
    )
    tab = open_tab(tabs, "/connections")
    wait_until_live(tab)
    row(tab, "/sse/clock").get_by_role("button", name="Close").click()
    expect(row(tab, "/sse/clock")).to_have_count(0)
    with streams(board, "/sse/tasks", 1):  # a second and more later
        expect(row(tab, "/sse/tasks")).to_have_count(1)
    expect(row(tab, "/sse/tasks")).to_have_count(0)
    assert plain.evaluate("heard") == ["open", "error"]
    assert plain.evaluate("source.readyState") == 0  # it waits, for 24 days


def test_a_connection_that_has_ended_meanwhile_is_said_to_have(tabs, board):
    tab = open_tab(tabs, "/connections")
    wait_until_live(tab)
    with streams(board, "/sse/stats", 1):
        expect(row(tab, "/sse/stats")).to_have_count(1)
        button = row(tab, "/sse/stats").get_by_role("button", name="Close")
        tab.get_by_role("button", name="Pause").click()
        path = button.get_attribute("hx-post")
        Program(board).post(path)
    button.click()
    expect(tab.locator("#notice")).to_have_text("This connection has ended already.")


def test_the_overview_tells_the_three_figures(tabs):
    tab = open_tab(tabs, "/")
    wait_until_live(tab)
    expect(tab.locator("#connections dt")).to_have_text(["Connections open", "Events sent", "Memory"])
    expect(tab.locator("#connections dd").first).to_have_text("1")
