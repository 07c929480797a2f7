"""Any number of tabs of a browser live on one connection, and none is the worse for another."""

import contextlib
import os
import re
import signal
import statistics
import time

import pytest
from browsers import Error, open_tab
from programs import Program
from recorded import Tab
from servers import WORKERS, Server, until

MANY = 30
MOVES = """() => ["#clock time", "#counter button", "#events"].every((one) => document.querySelector(one))"""
SHOWN = """() => ["#clock time", "#counter button", "#events"].map((one) => document.querySelector(one)?.textContent)"""


def links(server: Server) -> list[dict]:
    return [one for one in server.get("/sse-health").json()["connections"] if one["stream"] == "/sse/mux"]


def uptimes(server: Server, stream: str) -> list[float]:
    return [o["uptime_seconds"] for link in links(server) for o in link["subscriptions"] if o["stream"] == stream]


def open_many(context, url: str, count: int) -> tuple[list[Tab], list[float]]:
    opened, took = [], []
    for _ in range(count):
        began = time.monotonic()
        opened.append(Tab(context, url).wait_until_live())
        took.append(time.monotonic() - began)
    return opened, took


def everything_moves(tab: Tab, seconds: float = 3) -> None:
    """Hold a tab of the overview to it: whatever moves by itself does, within so many seconds."""
    tab.page.wait_for_function(MOVES, timeout=seconds * 1000)
    before = tab.page.evaluate(SHOWN)
    tab.page.wait_for_function(
        f"(before) => ({SHOWN})().every((text, index) => text !== before[index])", arg=before, timeout=seconds * 1000
    )


@pytest.mark.slow
@pytest.mark.alone
def test_thirty_tabs_of_the_overview_live_on_one_connection(tabs, board):
    opened, took = open_many(tabs, board.url, MANY)
    print(f"a tab among {MANY} is live after {statistics.median(took):.2f} s (median)")
    assert statistics.median(took) < 3, took  # what is promised is 1; a busy machine that runs the tests gets more
    for tab in opened:
        everything_moves(tab)
    program = Program(board)
    program.post("/notifications", data={"message": "to everybody"})
    for tab in opened:
        tab.page.wait_for_selector("#notifications >> text=to everybody", timeout=10_000)
    # As the network saw it: the page itself comes to it when the other 29, in the same process, have drawn the news.
    answered = opened[7].page.evaluate(
        "async () => { for (let n = 0; n < 5; n++) { const answer = await fetch('/notifications?timed', {method: "
        "'POST', headers: {'HX-Request': 'true'}, body: new URLSearchParams({message: 'quick'})}); "
        "await answer.text(); } return performance.getEntriesByType('resource').filter(({name}) => "
        "name.endsWith('timed')).map((one) => one.responseEnd - one.startTime); }"
    )
    print(f"a POST amid {MANY} tabs, ms: {[round(one) for one in answered]}")
    assert len(answered) == 5
    assert statistics.median(answered) < 500  # what is promised is 200; a busy machine that runs the tests gets more
    assert board.connections() == 1
    of_one = len(board.carried()) / MANY
    assert of_one == int(of_one) >= 7
    counters = uptimes(board, "/sse/counter")
    for tab in opened[1:]:
        tab.page.close()
    until(lambda: len(board.carried()) == of_one, 5)
    assert uptimes(board, "/sse/counter")[0] > counters[0], "the generator of the tab that stayed was run again"
    opened[0].wait_for_next()
    opened[0].page.close()
    until(lambda: board.connections() == 0, 5)


def test_seven_tabs_and_a_form_where_a_browser_has_six_connections(tabs, board):
    opened = [Tab(tabs, f"{board.url}/counter").wait_until_live() for _ in range(7)]
    assert board.connections() == 1
    for tab in opened:
        tab.wait_for_next()
    assert board.carried() == ["/sse/counter"] * 7
    first = uptimes(board, "/sse/counter")
    opened.pop().page.close()
    until(lambda: len(board.carried()) == 6, 5)
    Tab(tabs, f"{board.url}/counter").wait_until_live()
    again = uptimes(board, "/sse/counter")
    assert all(now > then for now, then in zip(again[:6], first[:6], strict=True)), "a generator was run again"
    for tab in opened:
        numbers = tab.numbers()
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_tab_that_goes_elsewhere_is_forgotten(tabs, board):
    stays = Tab(tabs, f"{board.url}/counter").wait_until_live()
    leaves = Tab(tabs, f"{board.url}/clock").wait_until_live()
    leaves.page.goto("about:blank")
    until(lambda: board.carried() == ["/sse/counter"], 5)
    stays.wait_for_next()


def test_a_tab_that_crashes_is_forgotten_and_no_other_notices(tabs, board):
    stays, crashes = (Tab(tabs, f"{board.url}/counter").wait_until_live() for _ in range(2))
    stays.wait_for_next()
    with crashes.page.expect_event("crash"), contextlib.suppress(Error):
        crashes.page.goto("chrome://crash")
    until(lambda: board.carried() == ["/sse/counter"], 5)
    stays.wait_for_next()
    numbers = stays.numbers()
    assert numbers == list(range(1, len(numbers) + 1))
    assert [state for _, state in stays.states()] == ["connecting", "live"]


def test_a_page_that_is_left_and_come_back_to_is_live(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.page.click("nav >> text=Clock")
    tab.wait_until_live()
    tab.page.go_back()
    tab.wait_until_live()
    tab.page.wait_for_selector("text=/Update #/")
    until(lambda: board.carried() == ["/sse/counter"], 5)


@pytest.mark.slow
@pytest.mark.alone
def test_twelve_browsers_do_not_all_return_in_one_instant(browser, serve):
    server = serve()
    contexts = [browser.new_context() for _ in range(12)]
    opened = [Tab(context, f"{server.url}/counter").wait_until_live() for context in contexts]
    server.stop()
    stopped = time.monotonic()
    until(lambda: time.monotonic() - stopped > 2)
    server.start()
    started = time.monotonic()
    for tab in opened:
        tab.wait_until_live(12)
    assert time.monotonic() - started < 10
    back = [tab.states()[-1][0] for tab in opened]
    assert max(back) - min(back) >= 1000, back
    for context in contexts:
        context.close()


@pytest.mark.slow
def test_a_worker_process_that_is_killed_leaves_no_tab_behind(browser, serve):
    server = serve(WORKERS)
    context = browser.new_context()
    opened = [Tab(context, f"{server.url}/counter").wait_until_live() for _ in range(10)]
    for tab in opened:
        tab.wait_for_next()
    # The process that carries the counters of at least half of them; a tab has other streams besides.
    health = until(lambda: str(one := server.get("/sse-health").json()).count("/sse/counter") >= 5 and one, 20)
    os.kill(health["process"], signal.SIGKILL)
    until(lambda: sum(len(tab.states()) > 2 for tab in opened) >= 5)
    for tab in opened:
        tab.wait_until_live()  # what is promised is 5 s; a busy machine that runs the tests gets more
    for tab in opened:
        tab.wait_for_next()
        numbers = tab.numbers()
        assert numbers == list(range(1, len(numbers) + 1))
    context.close()


def test_a_page_without_live_js_reads_the_streams_with_the_browsers_own_source(browser, board):
    context = browser.new_context()
    context.route(re.compile("/tidewire/live"), lambda route: route.fulfill(content_type="text/javascript", body=""))
    page = open_tab(context, f"{board.url}/counter")
    page.wait_for_selector("text=/Update #2/")
    assert links(board) == []
    context.close()
