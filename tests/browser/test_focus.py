"""Where the focus is after something was done by keyboard: never lost to the page as a whole."""

import pytest
from browsers import expect, open_tab, wait_until_live
from programs import Program


@pytest.fixture
def tasks(board):
    program = Program(board)
    return [program.add_task(title) for title in ("First", "Second", "Third")]


def press(tab, row, name):
    tab.locator(row).get_by_role("button", name=name).focus()
    tab.keyboard.press("Enter")


def focused(tab, row, name):
    expect(tab.locator(row).get_by_role("button", name=name)).to_be_focused()


def test_an_action_of_a_row_leaves_the_focus_in_it_and_never_on_what_deletes_it(tabs, board, tasks):
    Program(board).post(f"/tasks/{tasks[2]}/complete")
    tab = open_tab(tabs, "/tasks")
    wait_until_live(tab)
    # Each in a row of its own: the stream tells of a row's actions after their answers, and shows it as it was between.
    actions = [("Start", "Complete"), ("Complete", "Reopen"), ("Reopen", "Start")]
    for task, (pressed, then) in zip(tasks, actions, strict=True):
        press(tab, f"#task-{task}", pressed)
        focused(tab, f"#task-{task}", then)


def test_what_a_program_does_to_a_row_moves_the_focus_as_the_reader_s_own_action_does(tabs, board, tasks):
    tab = open_tab(tabs, "/tasks")
    wait_until_live(tab)
    row = f"#task-{tasks[0]}"
    tab.locator(row).get_by_role("button", name="Complete").focus()
    Program(board).post(f"/tasks/{tasks[0]}/complete")
    focused(tab, row, "Reopen")


def test_a_row_that_is_deleted_gives_the_focus_to_the_next_and_the_last_one_to_the_one_before(tabs, tasks):
    tab = open_tab(tabs, "/tasks")
    wait_until_live(tab)
    first, second, third = (f"#task-{task}" for task in tasks)
    press(tab, second, "Delete")
    focused(tab, third, "Start")
    press(tab, third, "Delete")
    focused(tab, first, "Start")


def test_a_button_that_was_disabled_while_it_was_sent_has_the_focus_again(tabs):
    tab = open_tab(tabs, "/feed")
    wait_until_live(tab)
    tab.get_by_label("Your name").fill("Kay")
    tab.get_by_label("Post", exact=True).fill("By keyboard")
    post = tab.get_by_role("button", name="Post")
    post.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#feed li").first).to_contain_text("By keyboard")
    expect(post).to_be_focused()


def test_who_has_left_an_element_is_left_alone_when_it_goes(tabs, board, tasks):
    tab = open_tab(tabs, "/tasks")
    wait_until_live(tab)
    tab.locator(f"#task-{tasks[0]}").get_by_role("button", name="Start").focus()
    tab.locator("h1").click()
    Program(board).post(f"/tasks/{tasks[0]}/delete")
    expect(tab.locator(f"#task-{tasks[0]}")).to_have_count(0)
    expect(tab.locator("#main")).to_be_focused()


def test_a_command_that_is_reached_by_keyboard_can_be_copied_whole(tabs, board):
    tab = open_tab(tabs, "/clock")
    tab.get_by_role("button", name="Pause").focus()
    tab.keyboard.press("Tab")
    expect(tab.locator(".command")).to_be_focused()
    assert tab.evaluate("getSelection().toString()") == f"curl -N {board.url}/sse/clock"
