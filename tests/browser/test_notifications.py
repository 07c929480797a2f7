"""Notifications as a person meets them: a toast in every tab, and what this session has not read."""

import re

from browsers import Page, expect, open_tab, wait_until_live
from programs import Program
from servers import Server, until


def say(program: Program, message: str, level: str = "info") -> None:
    assert program.post("/notifications", data={"message": message, "level": level}).status_code == 201


def live_tab(tabs, path: str = "/stats") -> Page:
    tab = open_tab(tabs, path)
    wait_until_live(tab)
    return tab


def toasts(tab: Page):
    return tab.locator("#toasts .toast:not([inert])")  # the others are on their way out


def unread(tab: Page):
    return tab.locator("nav [data-unread]")


def test_a_toast_is_in_every_tab_once_and_leaves_by_itself(tabs, program, complaints):
    tabs.clock.install()
    opened = [live_tab(tabs, path) for path in ("/stats", "/notifications", "/", "/nowhere")]
    complaints.clear()  # that the last one is no page
    say(program, "Build <b>done</b>", "success")
    for tab in opened:
        expect(toasts(tab)).to_have_count(1)
        expect(toasts(tab).locator(".title")).to_have_text("Build <b>done</b>")
    for tab in opened[1:3]:
        expect(tab.locator("#notifications li", has_text="Build <b>done</b>")).to_have_count(1)
    for tab in opened:
        tab.clock.run_for(8_000)
        expect(toasts(tab)).to_have_count(0)
    assert complaints == []


def test_its_level_says_whether_it_interrupts(tabs, program):
    tab = live_tab(tabs)
    for level in ("info", "success", "warning", "error"):
        say(program, f"It is {level}", level)
    for role, levels in {"status": ["info", "success"], "alert": ["warning", "error"]}.items():
        found = tab.locator(f"#toasts [role={role}] .title")
        expect(found).to_have_text([f"It is {level}" for level in reversed(levels)])


def test_it_stays_under_the_pointer_and_leaves_afterwards(tabs, program):
    tab = tabs.new_page()
    tab.clock.install()
    tab.goto("/stats")
    wait_until_live(tab)
    say(program, "Read me")
    toasts(tab).hover()
    tab.clock.run_for(30_000)
    expect(toasts(tab)).to_have_count(1)
    tab.mouse.move(1, 1)
    tab.clock.run_for(3_000)
    expect(toasts(tab)).to_have_count(0)


def test_keys_alone_reach_it_hold_it_and_send_it_away(tabs, program):
    tab = tabs.new_page()
    tab.clock.install()
    tab.goto("/tasks")
    wait_until_live(tab)
    tab.get_by_label("Title of the new task").focus()
    say(program, "First")
    say(program, "Second")
    expect(toasts(tab)).to_have_count(2)
    tab.get_by_role("button", name="Dismiss: First").focus()
    tab.clock.run_for(30_000)
    expect(toasts(tab)).to_have_count(2)
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Dismiss: Second")).to_be_focused()
    tab.keyboard.press("Escape")
    tab.clock.run_for(1_000)
    expect(toasts(tab)).to_have_count(0)
    expect(tab.get_by_label("Title of the new task")).to_be_focused()
    say(program, "Third")
    expect(toasts(tab)).to_have_count(1)
    tab.keyboard.press("Escape")
    tab.clock.run_for(1_000)
    expect(toasts(tab)).to_have_count(0)


def test_of_many_the_newest_four_stay(tabs, program):
    tab = live_tab(tabs)
    for number in range(12):
        say(program, f"Of many {number}")
    expect(toasts(tab).locator(".title")).to_have_text([f"Of many {number}" for number in (11, 10, 9, 8)])


def test_a_late_tab_and_one_that_comes_back_show_only_what_they_have_not_shown(tabs, program, board):
    tab = live_tab(tabs)
    say(program, "Before")
    expect(toasts(tab)).to_have_count(1)
    late = live_tab(tabs)
    say(program, "Now")
    expect(toasts(late).locator(".title")).to_have_text(["Now"])
    tab.keyboard.press("Escape")
    expect(toasts(tab)).to_have_count(0)
    # The page as a browser keeps it: with the cursor of when it was drawn.
    kept = board.get("/stats").text
    say(program, "Meanwhile")
    expect(toasts(tab)).to_have_count(1)
    tab.keyboard.press("Escape")
    tab.route("**/stats", lambda route: route.fulfill(body=kept, content_type="text/html"))
    tab.reload()
    wait_until_live(tab)
    say(program, "Then")
    expect(toasts(tab).locator(".title")).to_have_text(["Then"])


def has_told(board: Server, count: int) -> bool:
    """Tell whether this many streams of notifications are open, and each has said something."""
    links = board.get("/sse-health").json()["connections"]
    told = [one["events"] for link in links for one in link["subscriptions"] if "/notifications" in one["stream"]]
    return len(told) == count and all(told)


def test_a_reset_toasts_nothing_and_counts_from_what_there_is(tabs, program, board, complaints):
    """As when the board has begun anew, and its numbers with it."""
    tab = live_tab(tabs)
    say(program, "Long known")
    expect(toasts(tab)).to_have_count(1)
    old = re.sub(r"after=[\w-]+", "after=another-world-1", board.get("/notifications").text)
    old = re.sub(r'data-(newest|began)="\d+"', r'data-\1="5000"', old)
    old = re.sub(r'(id="read-up-to"[^>]*>)\d+', r"\g<1>5000", old)
    tab.route("**/notifications", lambda route: route.fulfill(body=old, content_type="text/html"))
    tab.goto("/notifications")
    until(lambda: has_told(board, 3))  # each its reset: what is said before is in it
    say(program, "News")
    expect(toasts(tab).locator(".title")).to_have_text(["News"])
    expect(unread(tab)).to_have_text("1 unread")
    assert complaints == []


def test_what_is_read_in_one_tab_is_read_in_all_of_the_session_and_in_no_other(tabs, program, browser, board):
    first, second = live_tab(tabs, "/notifications"), live_tab(tabs, "/stats")
    elsewhere = browser.new_context(base_url=board.url)
    stranger = live_tab(elsewhere, "/notifications")
    for tab in (first, second, stranger):
        expect(unread(tab)).to_be_hidden()
    say(program, "One")
    say(program, "Two")
    for tab in (first, second, stranger):
        expect(unread(tab)).to_have_text("2 unread")
    for tab in (first, stranger):
        expect(tab.locator("#notifications .new:visible")).to_have_count(2)
    first.get_by_role("button", name="Mark all read").click()
    for tab in (first, second):
        expect(unread(tab)).to_be_hidden()
    expect(first.locator("#notifications .new:visible")).to_have_count(0)
    expect(unread(stranger)).to_have_text("2 unread")
    say(program, "Three")
    expect(unread(second)).to_have_text("1 unread")
    expect(unread(stranger)).to_have_text("3 unread")
    second.reload()
    expect(unread(second)).to_have_text("1 unread")
    elsewhere.close()


def test_on_a_narrow_screen_it_covers_nothing_of_the_content(browser, program, board):
    context = browser.new_context(base_url=board.url, viewport={"width": 320, "height": 640})
    tab = live_tab(context, "/notifications")
    for level in ("info", "error"):
        say(program, "A message that is longer than what one line holds. " * 4, level)
    expect(toasts(tab)).to_have_count(2)
    until(lambda: tab.locator("#toasts .toast:visible").count() == 1)
    until(lambda: not toasts(tab).first.evaluate("toast => toast.getAnimations().length"))
    box = tab.locator("#toasts .toast:visible").bounding_box()
    assert box["y"] + box["height"] <= tab.locator("main").bounding_box()["y"]
    menu = tab.get_by_role("button", name="Menu").bounding_box()
    assert box["x"] + box["width"] <= menu["x"]
    assert box["x"] >= 0
    context.close()
