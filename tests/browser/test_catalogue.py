"""The catalogue in a browser: a sample opens when asked for, shows what is on the wire, and ends."""

import re

from browsers import expect, open_tab, wait_until_live
from programs import Program
from servers import until


def test_a_sample_is_live_only_while_it_is_asked_for_and_shows_text_alone(tabs, board, complaints):
    tab = open_tab(tabs, "/streams")
    wait_until_live(tab)  # by its toasts
    assert "/sse/tasks" not in str(board.described())
    tasks = tab.locator("#stream-tasks")
    tasks.get_by_role("button", name="Listen: /sse/tasks").press("Enter")
    wire = tasks.get_by_role("log")
    expect(wire).to_contain_text("event: tasks")
    expect(wire).to_contain_text("Learn HTMX")  # what a newcomer is told first
    assert "/sse/tasks" in str(board.described())
    Program(board).add_task("<b>Bold</b>")
    expect(wire).to_contain_text("&lt;b&gt;Bold")
    assert wire.locator("tr, b, button").count() == 0
    stop = tasks.get_by_role("button", name="Stop")
    expect(stop).to_be_focused()
    stop.press("Enter")
    expect(tasks.get_by_role("button", name="Listen: /sse/tasks")).to_be_visible()
    until(lambda: "/sse/tasks" not in str(board.described()))
    assert complaints == []


def test_a_sample_as_json_holds_to_the_contract_and_keeps_only_the_newest(tabs, board):
    tab = open_tab(tabs, "/streams")
    stats = tab.locator("#stream-stats")
    stats.get_by_role("button", name="Listen to JSON").click()
    wait_until_live(tab)
    program = Program(board)
    for n in range(22):
        program.add_task(f"Number {n}")
    [completed, running, pending, _] = program.stats()
    wire = stats.get_by_role("log")
    expect(wire).to_contain_text(f'data: {{"completed":{completed},"in_progress":{running},"pending":{pending}}}')
    assert wire.locator("span").count() <= 20
    expect(wire.locator("span").last).to_contain_text(re.compile(r"^event: stats\nid: \S+\ndata: \{"))
