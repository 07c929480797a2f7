"""Rooms as people use them: two browsers, each with a session of its own."""

import re
import sqlite3

import pytest
from browsers import Complaints, Page, expect, open_tab, wait_until_live
from programs import Program


@pytest.fixture(scope="module")
def pair(browser, board):
    """Ana and Ben, each in the lobby with a browser of their own."""
    contexts = [browser.new_context(base_url=board.url) for _ in "ab"]
    complaints = [Complaints(context, board.url) for context in contexts]
    tabs = [open_tab(context, "/rooms/lobby") for context in contexts]
    for tab, name in zip(tabs, ("Ana", "Ben"), strict=True):
        wait_until_live(tab)
        called(tab, name)
    yield tabs
    for context in contexts:
        context.close()
    assert complaints == [[], []]


def called(tab: Page, name: str) -> None:
    tab.get_by_label("Your name").fill(name)
    tab.get_by_role("button", name="Change").click()
    expect(here(tab)).to_contain_text(name)


def here(tab: Page):
    return tab.get_by_role("list", name="Who is here")


def log(tab: Page):
    return tab.get_by_role("log", name="Messages")


def field(tab: Page):
    return tab.get_by_role("textbox", name="Message", exact=True)


def scroll(tab: Page):
    return tab.get_by_role("region", name=re.compile("^Messages of"))


def history(board, room: str, count: int) -> None:
    assert Program(board).post("/rooms", json={"name": room}).status_code == 201
    with sqlite3.connect(board.folder / "data" / "tidewire.db", timeout=10) as db:
        rows = [(room, "CI", f"m{n}.", "2026-01-01T00:00:00.000+00:00") for n in range(count)]
        db.executemany("INSERT INTO messages (room, name, message, time) VALUES (?, ?, ?, ?)", rows)


def numbers(tab: Page) -> list[int]:
    return [int(text) for text in re.findall(r"m(\d+)\.", log(tab).inner_text())]


def test_two_people_see_each_other_type_and_talk(pair):
    ana, ben = pair
    for tab in pair:
        expect(here(tab)).to_have_text(re.compile("2 here.*Ana.*Ben", re.S))
    field(ana).press_sequentially("Hello <b>Ben</b>")
    typist = ben.get_by_text("Ana is typing")
    expect(typist).to_be_visible()
    expect(ana.get_by_text("Ana is typing")).to_be_hidden()
    field(ana).press("Enter")
    for tab in pair:
        expect(log(tab)).to_contain_text("Hello <b>Ben</b>")
        expect(log(tab).locator(".message").last.locator("strong")).to_have_text("Ana")
    expect(typist).to_have_count(0)
    expect(field(ana)).to_be_focused()
    expect(field(ana)).to_have_value("")
    ana.keyboard.type("and again")
    ana.keyboard.press("Enter")
    expect(log(ben)).to_contain_text("and again")


def test_who_stops_typing_is_no_longer_said_to_type_though_nobody_says_so(pair):
    ana, ben = pair
    field(ana).press_sequentially("Hm, let me see ...", delay=100)  # the first keys may be too soon after the last
    typist = ben.get_by_text("Ana is typing")
    expect(typist).to_be_visible()
    [seconds] = typist.evaluate("typist => typist.getAnimations().map(one => one.effect.getTiming().duration / 1000)")
    assert seconds == 3
    typist.evaluate("typist => typist.getAnimations().forEach(one => one.finish())")
    expect(typist).to_be_hidden()
    field(ana).fill("")


def test_a_late_tab_sees_who_is_here_and_each_tab_of_a_session_has_its_name(pair):
    ana, ben = pair
    late = open_tab(ana.context, "/rooms/lobby")
    expect(here(late)).to_have_text(re.compile("Ana.*Ben", re.S))
    wait_until_live(late)
    expect(here(ben).get_by_text("Ana", exact=True)).to_have_count(1)
    called(late, "Anna")
    expect(ana.get_by_label("Your name")).to_have_value("Anna")
    expect(here(ben)).to_contain_text("Anna")
    called(ana, "Ana")
    late.close()


def test_what_a_program_says_shows_in_the_tab_and_in_the_list_of_rooms(pair, board):
    ana, _ = pair
    rooms = open_tab(ana.context, "/rooms")
    wait_until_live(rooms)
    program = Program(board)
    assert program.post("/rooms/lobby", data={"message": "Deploy is done", "name": "CI"}).status_code == 201
    expect(log(ana)).to_contain_text("Deploy is done")
    lobby = rooms.get_by_role("listitem").filter(has_text="Lobby")
    expect(lobby).to_contain_text("Deploy is done")
    expect(lobby).to_contain_text("2 here")
    program.post("/rooms", data={"name": "Release 7"})
    expect(rooms.get_by_role("link", name="Release 7")).to_be_visible()
    rooms.get_by_role("textbox", name="Name of a room").fill("Tea & <i>biscuits</i>")
    rooms.keyboard.press("Enter")
    expect(rooms).to_have_url(re.compile("/rooms/tea-i-biscuits-i$"))
    expect(rooms.get_by_role("heading", level=1)).to_have_text("Tea & <i>biscuits</i>")
    rooms.close()


def test_history_comes_by_scrolling_up_and_what_is_being_read_does_not_move(pair, board):
    history(board, "long-ago", 120)
    tab = open_tab(pair[0].context, "/rooms/long-ago")
    wait_until_live(tab)
    assert numbers(tab) == list(range(70, 120))
    scroll(tab).focus()
    tab.keyboard.press("Home")
    oldest = tab.get_by_text("m70.", exact=True)
    expect(tab.get_by_text("m20.", exact=True)).to_have_count(1)
    expect(oldest).to_be_in_viewport()
    place = oldest.bounding_box()["y"]
    say = Program(board).post
    say("/rooms/long-ago", json={"message": "m120."})
    newest = tab.get_by_role("button", name="New messages")
    expect(newest).to_be_visible()
    expect(log(tab)).to_contain_text("m120.")
    assert abs(oldest.bounding_box()["y"] - place) < 2
    tab.keyboard.press("Home")
    expect(tab.get_by_text("This is where it began.")).to_be_visible()
    assert numbers(tab) == list(range(121))
    newest.press("Enter")
    expect(newest).to_be_hidden()
    expect(scroll(tab)).to_be_focused()
    for number in (121, 122):
        say("/rooms/long-ago", json={"message": f"m{number}."})
        expect(tab.get_by_text(f"m{number}.", exact=True)).to_be_in_viewport()
    expect(newest).to_be_hidden()
    tab.keyboard.press("Home")
    expect(tab.get_by_text("This is where it began.")).to_be_in_viewport()
    field(tab).fill("What I say myself I see")
    field(tab).press("Enter")
    said = tab.get_by_text("What I say myself I see")
    expect(said).to_be_in_viewport()
    scroll(tab).evaluate("scroller => scroller.scrollBy(0, -300)")  # as the keys' smooth scrolling does that goes on
    expect(said).to_be_in_viewport()
    scroll(tab).focus()
    tab.keyboard.press("Home")
    expect(tab.get_by_text("This is where it began.")).to_be_in_viewport()
    tab.close()


def test_what_is_refused_or_does_not_arrive_stays_in_the_field(tabs):
    tab = open_tab(tabs, "/rooms/lobby")
    wait_until_live(tab)
    field(tab).evaluate("field => field.removeAttribute('maxlength')")
    field(tab).fill("x" * 2001)
    field(tab).press("Enter")
    expect(tab.get_by_role("alert").filter(has_text="Message:")).to_be_visible()
    expect(field(tab)).to_be_focused()
    assert field(tab).input_value() == "x" * 2001
    tabs.set_offline(True)
    field(tab).fill("Not lost")
    field(tab).press("Enter")
    expect(tab.get_by_text("the server could not be reached")).to_be_visible()
    expect(field(tab)).to_have_value("Not lost")


def test_a_room_fits_the_narrowest_phone(pair):
    ana, ben = pair
    called(ben, "W" * 40)
    field(ben).fill("W" * 500)
    field(ben).press("Enter")
    expect(log(ana)).to_contain_text("W" * 500)
    ana.set_viewport_size({"width": 320, "height": 640})
    assert ana.evaluate("document.documentElement.scrollWidth") <= 320
