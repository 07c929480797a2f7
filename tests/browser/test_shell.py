"""A command that is run in a shell, as those see it who have the board open."""

import re

from browsers import expect, open_tab, wait_until_live
from shell import begun, typed


def test_a_command_shows_in_log_jobs_and_as_a_toast_while_it_runs_and_can_be_cancelled(tabs, board):
    log, jobs = open_tab(tabs, "/log"), open_tab(tabs, "/jobs")
    for tab in (log, jobs):
        wait_until_live(tab)
    process = begun(board, "run", "--name", "Watched", "--", "sh", "-c", "echo from the shell; sleep 60")
    expect(log.locator("#log")).to_contain_text("from the shell")
    item = jobs.locator("li", has_text="Watched")
    expect(item).to_contain_text("running")
    expect(item).to_contain_text("from the shell")
    item.get_by_role("button", name=re.compile("Cancel")).click()
    assert process.wait(30) == 143
    expect(item).to_contain_text("cancelled")
    for tab in (log, jobs):
        expect(tab.get_by_text(re.compile(r"Watched: cancelled after \d"))).to_be_visible()


def test_a_notification_from_a_shell_is_in_every_tab(tabs, board):
    opened = [open_tab(tabs, "/"), open_tab(tabs, "/notifications")]
    for tab in opened:
        wait_until_live(tab)
    assert typed(board, "notify", "Build done", "--level", "success").returncode == 0
    for tab in opened:
        expect(tab.get_by_text("Build done").first).to_be_visible()
