"""The feed as people meet it: what is posted is on top in every tab, and nobody loses their place."""

import re

import pytest
from browsers import Page, expect, open_tab, wait_until_live
from programs import Program
from servers import Server, until

NASTY = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def program(board: Server) -> Program:
    program = Program(board)
    for number in range(120):
        post(program, f"Filler {number}")
    return program


def post(program: Program, text: str, author: str = "Program") -> None:
    assert program.post("/feed", json={"author": author, "text": text}).status_code == 201


def posts(tab: Page):
    return tab.locator("#feed > li")


def texts(tab: Page) -> list[str]:
    return tab.locator("#feed > li > p").all_inner_texts()


def live_tab(tabs) -> Page:
    tab = open_tab(tabs, "/feed")
    wait_until_live(tab)
    return tab


def send(tab: Page, author: str, text: str) -> None:
    tab.get_by_label("Your name").fill(author)
    tab.get_by_label("Post", exact=True).fill(text)
    tab.get_by_role("button", name="Post", exact=True).click()


def place(tab: Page, text: str) -> float:
    """Where in the window a post stands."""
    return tab.locator("#feed > li", has_text=text).bounding_box()["y"]


def scroll_until_fetched(tab: Page, count: int) -> None:
    def enough() -> bool:
        tab.locator("#feed-older").evaluate("older => older.scrollIntoView()")  # it may be replaced at any moment
        return posts(tab).count() >= count

    until(enough, every=0.1)


def test_what_is_posted_is_on_top_in_every_tab_as_text_and_the_name_is_kept(tabs, program, complaints):
    first, second = live_tab(tabs), live_tab(tabs)
    send(first, "Zoë", f"In two\nlines {NASTY}")
    for tab in (first, second):
        expect(posts(tab).first.locator("p")).to_have_text(f"In two\nlines {NASTY}", use_inner_text=True)
        expect(posts(tab)).to_have_count(50)
        expect(tab).to_have_title("Feed · Tidewire")
    expect(first.get_by_label("Post", exact=True)).to_have_value("")
    expect(first.get_by_label("Your name")).to_have_value("Zoë")
    second.reload()
    expect(second.get_by_label("Your name")).to_have_value("Zoë")
    assert complaints == []


def test_what_cannot_be_posted_comes_back_with_the_reason_and_can_be_mended(tabs, program):
    tab = live_tab(tabs)
    tab.get_by_label("Post", exact=True).evaluate("field => field.removeAttribute('maxlength')")
    send(tab, "Ana", "y" * 2001)
    field = tab.get_by_label("Post", exact=True)
    expect(field).to_have_accessible_description("Post: expected at most 2000 characters")
    expect(field).to_have_value("y" * 2001)
    field.fill("Mended")
    tab.get_by_role("button", name="Post", exact=True).click()
    expect(posts(tab).first).to_contain_text("Mended")
    expect(tab.locator(".fault")).to_have_count(0)


def test_a_reader_further_down_keeps_the_place_while_200_are_posted_and_older_ones_come(tabs, program):
    tab = live_tab(tabs)
    scroll_until_fetched(tab, 100)
    reading = texts(tab)[70]
    tab.locator("#feed > li", has_text=reading).scroll_into_view_if_needed()
    new_posts = tab.get_by_role("button", name="New posts")
    expect(new_posts).to_be_hidden()
    before = place(tab, reading)
    for number in range(200):
        post(program, f"Meanwhile {number}")
    expect(new_posts).to_have_accessible_name("New posts · 200")
    assert place(tab, reading) == before
    scroll_until_fetched(tab, 120)
    seen = texts(tab)
    assert len(seen) == len(set(seen)), "something came twice"
    new_posts.click()
    expect(posts(tab).first).to_contain_text("Meanwhile 199")
    expect(posts(tab).first).to_be_in_viewport()
    expect(new_posts).to_be_hidden()
    expect(posts(tab)).to_have_count(50)
    scroll_until_fetched(tab, 150)
    assert texts(tab)[:150] == [f"Meanwhile {number}" for number in range(199, 49, -1)]


def test_whoever_scrolls_back_to_the_top_sees_what_is_new(tabs, program):
    tab = live_tab(tabs)
    tab.locator("#feed-older").evaluate("older => older.scrollIntoView()")
    expect(tab.locator(".feed-new > button")).to_have_attribute("aria-pressed", "true")
    post(program, "Waits above")
    expect(tab.get_by_role("button", name="New posts · 1")).to_be_visible()
    tab.keyboard.press("Home")
    expect(posts(tab).first).to_contain_text("Waits above")
    expect(tab.get_by_role("button", name="New posts")).to_be_hidden()


def test_what_comes_after_a_reset_while_the_feed_is_paused_is_not_lost(tabs, program, board):
    kept = board.get("/feed").text
    old = re.sub(r"/sse/feed\?after=[\w-]+", "/sse/feed?after=another-world-1", kept)
    old = re.sub(r'(<p dir="auto">)[^<]*', r"\1Of another world", old, count=1)
    old = old.replace('aria-pressed="false"', 'aria-pressed="true"')  # as if it was paused at once
    tab = tabs.new_page()
    tab.route("**/feed", lambda route: route.fulfill(body=old, content_type="text/html"))
    tab.goto("/feed")
    wait_until_live(tab)
    pause = tab.get_by_role("button", name="Pause")
    expect(pause).to_have_accessible_name("Pause · 1")
    post(program, "After the reset")
    expect(pause).to_have_accessible_name("Pause · 2")
    expect(tab.get_by_text("Of another world")).to_have_count(1)
    pause.click()
    expect(posts(tab).first).to_contain_text("After the reset")
    expect(posts(tab)).to_have_count(50)
    expect(tab.get_by_text("Of another world")).to_have_count(0)


def test_the_feed_ends_where_it_began_and_goes_on_after_it_has_let_its_oldest_go(browser, serve):
    server = serve()
    program = Program(server)
    context = browser.new_context(base_url=server.url)
    tab = live_tab(context)
    expect(tab.get_by_text("Nobody has posted yet.")).to_be_visible()
    for number in range(52):
        post(program, f"Number {number}")
    expect(tab.get_by_text("Nobody has posted yet.")).to_be_hidden()
    expect(posts(tab)).to_have_count(50)
    scroll_until_fetched(tab, 52)
    expect(tab.get_by_text("This is where it began.")).to_be_visible()
    assert texts(tab) == [f"Number {number}" for number in range(51, -1, -1)]
    context.close()
