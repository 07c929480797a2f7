"""What live.js does in a page: no leaks, no doubles, and nothing taken from whoever is reading or typing."""

import os
from pathlib import Path

import pytest
from programs import Program
from recorded import Tab
from servers import until


def package(folder: str, file: str) -> Path:
    """A file of an npm package."""
    for root in filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)):
        if (found := Path(root, folder, file)).exists():
            return found
    pytest.skip(f"no {folder}: npm install it, and say where in NODE_PATH")


def test_an_element_processed_swapped_moved_or_removed_100_times_leaves_one_subscription_and_no_double(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    for act in (
        "const one = document.querySelector('#counter'); one.setAttribute('hx-vals', n); htmx.process(one)",
        "const one = document.querySelector('#counter [sse-swap]'); one.setAttribute('hx-vals', n); htmx.process(one)",
        "const old = document.querySelector('#counter'); htmx.swap(old, old.outerHTML, {swapStyle: 'outerHTML'})",
        "const old = document.querySelector('#counter'), fresh = old.cloneNode(true); old.remove(); "
        "document.querySelector('.panel-body').append(fresh); htmx.process(fresh)",
    ):
        tab.page.evaluate(f"() => {{ for (let n = 0; n < 100; n++) {{ {act} }} }}")
        tab.wait_for_next()
        until(lambda: board.carried() == ["/sse/counter"], 20)
        tab.page.evaluate("told.messages.counter = []")
        tab.wait_for("told.messages.counter.length >= 2")
        numbers = tab.numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), act


@pytest.mark.slow
def test_an_element_morphed_100_times_keeps_its_source_and_no_message_comes_twice(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    for script in ("idiomorph.js", "idiomorph-htmx.js"):
        tab.page.evaluate(package("idiomorph/dist", script).read_text())
    tab.wait_for_next()
    tab.page.evaluate(
        "async () => { const page = await (await fetch('/counter')).text(); "
        "const fresh = new DOMParser().parseFromString(page, 'text/html').querySelector('#counter'); "
        "document.body.setAttribute('hx-ext', 'morph'); window.first = document.querySelector('#counter'); "
        "for (let n = 0; n < 100; n++) { fresh.setAttribute('hx-vals', n); "
        "htmx.swap('#counter', fresh.outerHTML, {swapStyle: 'morph:outerHTML'}, {contextElement: document.body}); } }"
    )
    assert tab.page.evaluate("document.querySelector('#counter') === first"), "it was replaced, not morphed"
    assert tab.page.get_attribute("#counter", "hx-vals") == "99"
    tab.wait_for_next()
    tab.wait_for_next()
    assert board.carried() == ["/sse/counter"]
    numbers = tab.numbers()
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_source_whose_address_changes_moves_and_keeps_its_swaps(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.wait_for_next()
    tab.page.evaluate(
        "() => { const one = document.querySelector('#counter'); one.setAttribute('sse-connect', "
        "'/sse/counter?after=1000'); htmx.process(one); }"
    )
    tab.wait_for("told.messages.counter.at(-1)[0] > 1000")
    until(lambda: board.carried() == ["/sse/counter"], 5)


def test_what_waits_for_a_quiet_event_is_let_go_once_it_is_replaced(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.page.evaluate(
        "() => { const put = () => htmx.swap('#counter > *', '<p id=quiet sse-swap=quiet></p>', "
        "{swapStyle: 'innerHTML'}); put(); window.gone = new WeakRef(document.querySelector('#quiet')); put(); }"
    )
    tab.page.request_gc()
    assert tab.page.evaluate("gone.deref() === undefined")


def test_a_source_that_has_ended_is_begun_anew_for_all_that_is_inside(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    for close in ("setAttribute('sse-close', 'counter')", "removeAttribute('sse-close')"):
        tab.page.evaluate(
            f"() => {{ const one = document.querySelector('#counter'); one.{close}; htmx.process(one); }}"
        )
        tab.wait_until("closed" if close.startswith("set") else "live")
    tab.wait_for_next()
    assert board.carried() == ["/sse/counter"]


@pytest.mark.parametrize(
    ("status", "says"), [(204, ""), (401, "signed out"), (403, "not allowed"), (404, "no such stream")]
)
def test_a_source_that_is_refused_stops_and_says_so(browser, probe, status, says):
    context = browser.new_context()
    tab = Tab(context, f"{probe.url}/counter").wait_until_live()
    tab.page.evaluate(
        "(status) => { const one = document.querySelector('#counter'); "
        "one.setAttribute('sse-connect', `/sse/refused/${status}`); htmx.process(one); }",
        status,
    )
    tab.wait_until("closed")
    assert tab.detail == says
    until(lambda: probe.carried() == [], 5)
    context.close()


def test_what_is_typed_and_where_the_focus_is_survive_a_swap_of_the_row(tabs, board):
    program = Program(board)
    mine = program.add_task("mine")
    tab = Tab(tabs, f"{board.url}/tasks").wait_until_live()
    tab.page.focus(f"#task-{mine} button:last-child")
    program.post(f"/tasks/{mine}/start")
    tab.page.wait_for_selector(f"#task-{mine} >> text=In Progress")
    assert tab.page.evaluate(f"document.activeElement.closest('tr')?.id === 'task-{mine}'")
    tab.page.evaluate(
        "() => { const field = document.createElement('p'); field.id = 'row'; field.innerHTML = "
        "'<input name=note value=given>'; document.querySelector('#main').append(field); }"
    )
    tab.page.fill("#row input", "half a sent")
    tab.page.evaluate("document.querySelector('#row input').setSelectionRange(4, 6)")
    tab.page.evaluate(
        "() => { const where = document.querySelector('#tasks'); htmx.trigger(where, 'htmx:sseBeforeMessage', {}); "
        "where.dispatchEvent(new CustomEvent('htmx:sseBeforeMessage', {bubbles: true, cancelable: true, detail: "
        "new MessageEvent('tasks', {data: '<p id=row><input name=note value=other></p>'})})); }"
    )
    assert tab.page.input_value("#row input") == "half a sent"
    assert tab.page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [4, 6]


def test_a_list_that_is_read_stays_where_it_is_and_follows_a_reader_at_its_end(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.page.evaluate(
        "() => { const list = document.createElement('div'); list.id = 'list'; list.dataset.max = 60; "
        "list.setAttribute('hx-swap', 'beforeend'); list.style.height = '100px'; list.style.overflowY = 'auto'; "
        "for (let n = 0; n < 50; n++) list.insertAdjacentHTML('beforeend', `<p id=p${n}>${n}</p>`); "
        "document.querySelector('#main').append(list); list.scrollTop = list.scrollHeight; "
        "window.put = (html) => list.dispatchEvent(new CustomEvent('htmx:sseBeforeMessage', {bubbles: true, "
        "cancelable: true, detail: new MessageEvent('x', {data: html})})); }"
    )
    at_end = "list.scrollHeight - list.clientHeight - list.scrollTop < 8"
    for number in range(50, 80):
        tab.page.evaluate(f"put('<p id=p{number}>{number}</p>')")
    assert tab.page.evaluate(at_end)
    assert tab.page.evaluate("[list.children.length, list.firstElementChild.id]") == [60, "p20"]
    tab.page.evaluate("list.scrollTop = 300")
    tab.wait_for("list.scrollTop === 300")
    top = "document.querySelector('#p40').getBoundingClientRect().top - list.getBoundingClientRect().top"
    before = tab.page.evaluate(top)
    tab.page.evaluate("put('<p id=p80>80</p>')")
    tab.wait_for("document.querySelector('#p80')")
    assert abs(tab.page.evaluate(top) - before) <= 1


HELD = """() => {
  document.querySelector('#main').insertAdjacentHTML('beforeend',
    '<button data-live-pause=held aria-pressed=false>Hold</button><div id=held hx-swap=beforeend><p id=h0>0</p></div>');
  window.held = document.querySelector('#held');
  window.hold = () => document.querySelector('[data-live-pause=held]').click();
  window.put = (data, type = 'x') => held.dispatchEvent(new CustomEvent('htmx:sseBeforeMessage',
    {bubbles: true, cancelable: true, detail: new MessageEvent(type, {data})}));
  window.shown = () => [...held.children].map(({id, textContent}) => [id, textContent]);
}"""


def test_a_pause_loses_nothing_and_keeps_the_order_however_much_comes(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.page.evaluate(HELD)
    shown = tab.page.evaluate(
        "() => { hold(); put('<p id=h0>changed</p>'); for (let n = 1; n <= 600; n++) put(`<p id=h${n}>${n}</p>`); "
        "for (let n = 0; n < 600; n++) put(`<p id=h1>again ${n}</p>`); put('<p id=h2 hx-swap-oob=delete></p>'); "
        "put('<i hx-swap-oob=beforeend:#h3>+</i>'); put('<i hx-swap-oob=beforeend:#h3>+</i>'); "
        "const before = shown(); hold(); return [before, shown()]; }"
    )
    rest = [[f"h{n}", str(n)] for n in range(4, 601)]
    assert shown == [[["h0", "0"]], [["h0", "changed"], ["h1", "again 599"], ["h3", "3++"], *rest]]


def test_a_pause_of_a_list_that_lets_its_oldest_go_keeps_no_more_than_it_may_show(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.page.evaluate(HELD)
    for swap, at in (("beforeend", -1), ("afterbegin", 0)):
        said = tab.page.evaluate(
            "(swap) => { held.dataset.max = 5; held.setAttribute('hx-swap', swap); hold(); let said = 0; "
            "for (let n = 1; n <= 1000; n++) put(`<p id=${swap}${n}>${n}</p><b id=count hx-swap-oob=true>${n}</b>`); "
            "held.insertAdjacentHTML('beforebegin', '<b id=count></b>'); "
            "held.addEventListener('htmx:sseBeforeMessage', ({detail}) => (said += detail.data.match(/<p/g).length)); "
            "hold(); const count = document.querySelector('#count'); count.remove(); "
            "return [said, shown(), count.textContent]; }",
            swap,
        )
        assert said[0] <= 500
        newest = [[f"{swap}{n}", str(n)] for n in range(996, 1001)]
        assert said[1] == (newest if at else newest[::-1])
        assert said[2] == "1000"


def test_of_what_is_replaced_whole_a_pause_keeps_the_newest_alone_as_it_was_said(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.page.evaluate(HELD)
    said = tab.page.evaluate(
        "() => { held.setAttribute('hx-swap', 'innerHTML'); hold(); const said = []; "
        "for (let n = 0; n < 100; n++) put(`${n} & <b>no row</b>`); "
        "held.addEventListener('htmx:sseBeforeMessage', ({detail}) => said.push(detail.data)); hold(); return said; }"
    )
    assert said == ["99 & <b>no row</b>"]


def test_a_chosen_file_survives_a_swap_of_its_form(tabs, board):
    tab = Tab(tabs, f"{board.url}/counter").wait_until_live()
    tab.page.evaluate(HELD)
    field = "<p id=row><input type=file name=file></p>"
    tab.page.evaluate("(field) => put(field)", field)
    tab.page.set_input_files("#row input", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    tab.page.evaluate("(field) => { window.old = document.querySelector('#row input'); put(field); }", field)
    assert tab.page.evaluate("[old.isConnected, document.querySelector('#row input').files[0].name]") == [
        False,
        "a.txt",
    ]
