"""The worker of all tabs may die, or be denied, as may the locks it is told of their end by: every page stays live."""

import contextlib

import pytest
from browsers import Complaints
from recorded import Tab
from servers import Server, until


def links(server: Server) -> list[str]:
    return [one["id"] for one in server.get("/sse-health").json()["connections"] if one["link"]]


# Without pings it is its lock that tells of its end; without locks, as on an insecure origin, it is that it is silent.
@pytest.mark.parametrize(
    "without",
    [
        "window.setInterval = () => 0",
        pytest.param("Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})", marks=pytest.mark.slow),
    ],
    ids=["at once", "late"],
)
def test_a_worker_that_is_dead_is_replaced(browser, board, without):
    with contextlib.closing(browser.new_context()) as context:
        context.add_init_script(without)
        tabs = [Tab(context, f"{board.url}/counter").wait_until_live() for _ in range(2)]
        first = [tab.wait_for_next() for tab in tabs]
        [before] = links(board)
        session = browser.new_browser_cdp_session()
        targets = session.send("Target.getTargets")["targetInfos"]
        worker = next(one for one in targets if one["type"] == "shared_worker" and board.url in one["url"])
        session.send("Target.closeTarget", {"targetId": worker["targetId"]})
        until(lambda: [link != before for link in links(board)] == [True], 40)
        for tab, number in zip(tabs, first, strict=True):
            tab.wait_until_live()
            tab.wait_for(f"told.messages.counter.length > {number + 2}")
            numbers = tab.numbers()
            assert numbers == list(range(1, len(numbers) + 1))


def test_without_shared_workers_a_page_has_a_connection_of_its_own_while_it_is_seen(browser, board):
    context = browser.new_context()
    context.add_init_script("delete window.SharedWorker")
    tab = Tab(context, f"{board.url}/counter").wait_until_live()
    tab.wait_for_next()
    assert board.connections() == 1
    hide = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    tab.page.evaluate(hide.format("true") + tell)
    until(lambda: board.connections() == 0, 5)
    tab.page.evaluate(hide.format("false") + tell)
    tab.wait_for_next()
    numbers = tab.numbers()
    assert numbers == list(range(1, len(numbers) + 1))
    context.close()


@pytest.mark.parametrize("worker", ["throw denied()", "this.port = new MessageChannel().port1"], ids=["none", "dead"])
def test_where_storage_is_blocked_a_page_has_a_connection_of_its_own(browser, board, worker):
    context = browser.new_context()
    context.add_init_script(
        "const denied = () => new DOMException('denied', 'SecurityError');"
        f"window.SharedWorker = function () {{ {worker}; }};"
        "if (navigator.locks) LockManager.prototype.request = async () => { throw denied(); };"
    )
    heard = Complaints(context, board.url)
    tab = Tab(context, f"{board.url}/counter").wait_until_live()
    tab.wait_for_next()
    assert heard == []
    context.close()


def test_a_page_that_needs_a_connection_of_its_own_makes_none_before_it_is_seen(browser, board):
    context = browser.new_context()
    context.add_init_script(
        "delete window.SharedWorker; Object.defineProperty(navigator, 'locks', {value: undefined});"
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "window.made = 0; window.Worker = class extends Worker { constructor(url) { super(url); made++; } };"
    )
    tab = Tab(context, f"{board.url}/counter")
    assert tab.page.evaluate("made") == 0
    tab.page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    tab.wait_until_live()
    assert tab.page.evaluate("made") == 1
    context.close()


def test_without_locks_a_tab_says_itself_that_it_leaves(browser, board):
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(navigator, 'locks', {value: undefined})")
    stays, leaves = (Tab(context, f"{board.url}/counter").wait_until_live() for _ in range(2))
    leaves.page.close(run_before_unload=True)
    until(lambda: board.carried() == ["/sse/counter"], 5)
    stays.wait_for_next()
    context.close()
