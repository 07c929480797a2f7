"""The log in several tabs: it follows, is filtered, and is held."""

import re

import pytest
from browsers import expect, open_tab, wait_until_live
from programs import Program


def say(program, *lines, source="make", level="info"):
    answer = program.post("/log", json={"source": source, "lines": [{"level": level, "line": line} for line in lines]})
    assert answer.status_code == 201


def lines(tab):
    return tab.locator("#log .line")


def scroller(tab):
    return tab.locator(".log-scroll")


def below(tab):
    """How many pixels of the list lie below what is seen."""
    return scroller(tab).evaluate("one => one.scrollHeight - one.clientHeight - one.scrollTop")


def test_what_a_program_says_is_in_every_tab_and_the_list_follows(tabs, program, complaints):
    opened = [open_tab(tabs, "/log") for _ in range(2)]
    for tab in opened:
        wait_until_live(tab)
    say(program, *(f"line {n}" for n in range(60)))
    say(program, "<script>alert(1)</script>", level="error")
    for tab in opened:
        last = tab.locator("#log li").last
        expect(last).to_contain_text("<script>alert(1)</script>")
        expect(last).to_have_attribute("data-level", "error")
        expect(last.locator("time")).not_to_contain_text("UTC")  # told in the reader's zone
        assert below(tab) < 10
    scroller(opened[0]).evaluate("one => one.scrollTop = 0")
    say(program, "unseen")
    for tab in opened:
        expect(lines(tab).last).to_have_text("unseen")
    assert below(opened[0]) > 100
    assert below(opened[1]) < 10
    assert complaints == []


def test_the_page_holds_at_most_500_lines(tabs, program):
    tab = open_tab(tabs, "/log")
    wait_until_live(tab)
    say(program, *(f"many {n}" for n in range(900)))
    expect(lines(tab).last).to_have_text("many 899")
    expect(lines(tab)).to_have_count(500)


def test_a_filter_works_on_what_is_shown_and_on_what_comes_and_is_kept_in_the_address(tabs, program, complaints):
    say(program, "apples are ripe", "pears are not", level="warning")
    say(program, "apples again", "nothing")
    tab, other = open_tab(tabs, "/log"), open_tab(tabs, "/log")
    for one in (tab, other):
        wait_until_live(one)
    tab.get_by_label("Text in line or source").fill("Apples")
    tab.get_by_label("Level").select_option("warning")
    expect(lines(tab)).to_have_text(["apples are ripe"])
    expect(tab).to_have_url(re.compile(r"/log\?level=warning&text=Apples$"))
    wait_until_live(tab)
    say(program, *(f"noise {n}" for n in range(600)))  # would push out all that is shown
    say(program, "APPLES fall", level="error")
    expect(lines(tab)).to_have_text(["apples are ripe", "APPLES fall"])
    expect(lines(other).last).to_have_text("APPLES fall")
    tab.reload()
    expect(tab.get_by_label("Text in line or source")).to_have_value("Apples")
    expect(lines(tab)).to_have_text(["apples are ripe", "APPLES fall"])
    tab.get_by_label("Text in line or source").fill("no such thing")
    expect(tab.get_by_text("No line passes the filter.")).to_be_visible()
    tab.get_by_label("Text in line or source").fill("")
    tab.get_by_label("Level").select_option("debug")
    expect(tab).to_have_url(re.compile(r"/log$"))
    expect(lines(tab).last).to_have_text("APPLES fall")
    assert complaints == []


def test_held_it_keeps_what_comes_and_released_it_shows_it_and_follows_on(tabs, program):
    tab = open_tab(tabs, "/log")
    wait_until_live(tab)
    say(program, "before")
    expect(lines(tab).last).to_have_text("before")
    hold = tab.get_by_role("button", name="Hold")
    hold.focus()
    tab.keyboard.press("Enter")
    say(program, *(f"held {n}" for n in range(50)))
    expect(hold).to_have_attribute("data-live-held", "1")
    expect(lines(tab).last).to_have_text("before")
    tab.keyboard.press("Enter")
    expect(lines(tab).last).to_have_text("held 49")
    assert below(tab) < 10


def test_the_overview_shows_the_newest_lines_alone(tabs, program):
    tab = open_tab(tabs, "/")
    wait_until_live(tab)
    say(program, *(f"card {n}" for n in range(20)))
    expect(lines(tab)).to_have_text([f"card {n}" for n in range(14, 20)])


@pytest.mark.slow
def test_a_filtered_tab_that_is_given_all_anew_shows_what_its_filter_wants(browser, serve):
    server = serve()
    context = browser.new_context(base_url=server.url)
    tab = open_tab(context, "/log?text=apples")
    wait_until_live(tab)
    say(Program(server), "old apples")
    expect(lines(tab)).to_have_text(["old apples"])
    server.stop()
    for file in (server.folder / "data").glob("tidewire.db*"):
        file.unlink()
    server.start()
    say(Program(server), "new apples", *(f"pears {n}" for n in range(700)))  # more than the snapshot reaches back
    expect(lines(tab)).to_have_text(["new apples"], timeout=20_000)
    wait_until_live(tab)
    say(Program(server), "more apples", "more pears")
    expect(lines(tab)).to_have_text(["new apples", "more apples"])
    context.close()
