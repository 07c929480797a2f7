"""One list in several tabs: what one person does, everybody sees, once and right."""

import re
import threading

import pytest
from browsers import expect, open_tab, wait_until_live
from programs import Program, numbers
from servers import Server, until


def row(tab, title):
    return tab.locator("#tasks tr", has_text=title)


def shown(tab):
    """The tasks and the figures that a tab shows."""
    rows = tab.locator("#tasks tr").evaluate_all("rows => rows.map(r => [r.id, r.querySelector('.pill').textContent])")
    return sorted(map(tuple, rows)), [int(text) for text in tab.locator("#stats dd").all_inner_texts()]


def stored(board: Server):
    """The tasks and the figures that the database holds."""
    table = board.get("/tasks", headers={"HX-Request": "true"}).text
    rows = re.findall(r'id="(task-\d+)".*?class="pill">([^<]*)<', table, re.DOTALL)
    return sorted(rows), numbers(board.get("/stats", headers={"HX-Request": "true"}).text)


def comes_right(tab, board: Server):
    until(lambda: shown(tab) == stored(board), 10, 0.1)


def test_what_is_done_in_one_of_four_tabs_shows_in_all(tabs, board, complaints):
    opened = [open_tab(tabs, "/tasks") for _ in range(4)]
    for tab in opened:
        wait_until_live(tab)
    first = opened[0]
    first.get_by_label("Title of the new task").fill("Sail <home>")
    first.keyboard.press("Enter")
    for tab in opened:
        expect(row(tab, "Sail <home>")).to_have_count(1)
    expect(first.get_by_label("Title of the new task")).to_have_value("")
    row(opened[1], "Sail <home>").get_by_role("button", name="Complete").click()
    for tab in opened:
        expect(row(tab, "Sail <home>").locator(".pill")).to_have_text("Completed")
        expect(tab.locator("#notifications li").first).to_contain_text("Task completed: Sail <home>")
        expect(tab.locator("#stats dd").first).to_have_text("1")
    row(first, "Sail <home>").get_by_role("button", name="Delete").click()
    for tab in opened:
        expect(row(tab, "Sail <home>")).to_have_count(0)
    Program(board).add_task("After that")  # whoever has heard of it has heard of the deletion, also where it was known
    for tab in opened:
        expect(row(tab, "After that")).to_have_count(1)
    assert complaints == []


def test_what_a_program_does_shows_in_a_tab_and_only_the_newest_five_stay(tabs, board):
    tab = open_tab(tabs, "/notifications")
    wait_until_live(tab)
    program = Program(board)
    for number in range(8):
        program.post("/notifications", data={"message": f"Number {number}"})
    expect(tab.locator("#notifications .title")).to_have_text([f"Number {n}" for n in (7, 6, 5, 4, 3)])


def test_a_title_that_is_too_long_comes_back_with_the_reason_and_can_be_mended(tabs):
    tab = open_tab(tabs, "/tasks")
    wait_until_live(tab)
    field = tab.get_by_label("Title of the new task")
    for title in ("Good before", "y" * 201):
        field.evaluate("field => field.removeAttribute('maxlength')")
        field.fill(title)
        tab.keyboard.press("Enter")
        expect(field).to_have_value("" if title == "Good before" else title)
    expect(tab.locator("#task-title-fault")).to_contain_text("200 characters")
    field.fill("Good after")
    tab.keyboard.press("Enter")
    expect(row(tab, "Good after")).to_have_count(1)
    expect(tab.locator("#task-title-fault")).to_have_count(0)


def test_a_form_that_comes_back_is_at_work_in_the_same_turn(tabs):
    """Else whoever is quick sends it as a page of old, and leaves."""
    tab = open_tab(tabs, "/tasks")
    wait_until_live(tab)
    tab.evaluate(
        "document.addEventListener('htmx:afterSwap', () => queueMicrotask(() => {"
        "  addEventListener('submit', (event) => {"
        "    document.body.dataset.taken = event.defaultPrevented; event.preventDefault(); }, {once: true});"
        "  document.querySelector('#task-form').requestSubmit(); }), {once: true})"
    )
    field = tab.get_by_label("Title of the new task")
    field.evaluate("field => { field.removeAttribute('maxlength'); field.value = 'y'.repeat(201); }")
    field.press("Enter")
    expect(tab.locator("body")).to_have_attribute("data-taken", "true")


def test_a_long_title_leaves_the_buttons_of_every_row_on_one_line(tabs, board):
    program = Program(board)
    long, short = program.add_task("Donaudampfschifffahrt" * 9), program.add_task("Short")
    tab = open_tab(tabs, "/tasks")
    for task in (long, short):
        buttons = tab.locator(f"#task-{task} button")
        assert len({buttons.nth(place).bounding_box()["y"] for place in range(3)}) == 1
    assert tab.locator("#tasks").evaluate(
        "rows => rows.closest('.table-wrap').scrollWidth <= rows.closest('.table-wrap').clientWidth"
    )


def test_a_signal_has_the_page_fetch_what_changed(tabs, board):
    tab = open_tab(tabs, "/signals")
    wait_until_live(tab)
    expect(tab.locator("#main time")).to_have_text(re.compile(r"\d:\d\d:\d\d( [AP]M)?$"))  # in the reader's zone
    before = int(tab.locator("#fetched-stats dd").last.inner_text())
    Program(board).add_task("Signalled")
    expect(tab.locator("#fetched-stats dd").last).to_have_text(str(before + 1))


def test_a_tab_whose_server_comes_back_with_a_fresh_database_comes_right_without_a_reload(browser, serve):
    server = serve()
    context = browser.new_context(base_url=server.url)
    tab = open_tab(context, "/tasks")
    wait_until_live(tab)
    Program(server).add_task("Of the old world")
    expect(row(tab, "Of the old world")).to_have_count(1)
    server.stop()
    for file in (server.folder / "data").glob("tidewire.db*"):
        file.unlink()
    server.start()
    expect(row(tab, "Of the old world")).to_have_count(0, timeout=20_000)
    comes_right(tab, server)
    Program(server).add_task("Of the new one")
    expect(row(tab, "Of the new one")).to_have_count(1)
    context.close()


def test_a_tab_of_before_the_restart_hears_what_happened_meanwhile(browser, serve):
    server = serve()
    context = browser.new_context(base_url=server.url)
    tab = open_tab(context, "/tasks")
    wait_until_live(tab)
    context.set_offline(True)
    kept = Program(server).add_task("While away")
    server.stop()
    server.start()
    context.set_offline(False)
    expect(tab.locator(f"#task-{kept}")).to_have_count(1, timeout=20_000)
    comes_right(tab, server)
    context.close()


@pytest.mark.slow
def test_a_page_opened_while_events_pour_in_equals_the_database_once_they_stop(browser, board):
    programs = [Program(board) for _ in range(2)]
    for _ in range(5):
        done = threading.Event()
        pouring = [threading.Thread(target=pour, args=(program, done, board)) for program in programs]
        for thread in pouring:
            thread.start()
        opened = []
        for _ in range(10):
            tab = browser.new_context(base_url=board.url).new_page()
            tab.goto("/tasks", wait_until="commit")
            opened.append(tab)
        for tab in opened:
            wait_until_live(tab)
        done.set()
        for thread in pouring:
            thread.join()
        for tab in opened:
            comes_right(tab, board)
            tab.context.close()


def pour(program: Program, done: threading.Event, board: Server) -> None:
    """Change tasks about 25 times a second: with what they cause, two of these make 100 events a second."""
    mine = [program.add_task(f"Poured {number}") for number in range(3)]
    turn = 0
    while not done.wait(0.04):
        turn += 1
        action = ("start", "complete", "reopen")[turn % 3]
        program.post(f"/tasks/{mine[turn % len(mine)]}/{action}")
        if turn % 10 == 0:
            program.post(f"/tasks/{mine.pop(0)}/delete")
            mine.append(program.add_task(f"Poured {turn}"))
    for task in mine:
        program.post(f"/tasks/{task}/delete")
