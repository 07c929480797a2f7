"""Rooms on a real board: how one is made, what is said in it, and under which name, for people and for programs."""

import json
import re
import sqlite3

import pytest
from people import Person
from programs import Program, events, payloads
from servers import Server


@pytest.mark.parametrize("form", ["json", "data"])
def test_a_program_says_something_by_form_or_json_and_is_given_the_event_id(
    program: Program, board: Server, room: str, form: str
) -> None:
    with board.open(f"/sse/rooms/{room}") as stream:
        stream.read_until(b"retry:")
        answer = program.post(f"/rooms/{room}", **{form: {"message": "Deployed", "name": "CI"}})
        assert answer.status_code == 201
        stream.read_until(b"Deployed")
    [event] = events(stream)
    assert event["id"] == answer.json()["id"]
    assert "event" not in event  # `message` is what an event without a name is called
    assert "CI" in event["data"]


def test_a_repeated_key_says_it_once(program: Program, board: Server, room: str) -> None:
    key = {"Idempotency-Key": "once"}
    answers = [program.post(f"/rooms/{room}", json={"message": "Only once"}, headers=key).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert board.get(f"/rooms/{room}").text.count("Only once") == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "message"), ({"message": " "}, "message"), ({"message": "x" * 2001}, "message"),
     ({"message": "x", "name": "‮evil"}, "name"), ({"message": "\ud800"}, "message")],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_and_its_field_named(
    program: Program, board: Server, room: str, given: dict[str, str], field: str
) -> None:
    answer = program.post(f"/rooms/{room}", content=json.dumps(given), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_an_unknown_room_is_404_for_whoever_asks(program: Program, board: Server) -> None:
    for path in ("/rooms/none", "/rooms/none/older?before=1", "/sse/rooms/none", "/sse/here/none", "/sse/typing/none",
                 "/sse/presence/none", "/sse/live?topic=rooms/none"):  # fmt: skip
        assert board.get(path).status_code == 404, path
    for path in ("/rooms/none", "/rooms/none/typing"):
        assert program.post(path, json={"message": "x"}).status_code == 404, path


@pytest.mark.parametrize("before", [-1, -(10**20), 10**20])
def test_a_place_in_history_that_is_none_is_no_fault(board: Server, before: int) -> None:
    assert board.get(f"/rooms/lobby/older?before={before}").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"), [('{"name": "\\ud800"}', 422), ("[" * 200_000, 400), ('{"name":' * 100_000, 400), ("[]", 400)]
)
def test_json_that_makes_no_sense_is_no_fault_of_the_board(program: Program, body: str, status: int) -> None:
    answer = program.post("/rooms/lobby/name", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


def test_names_and_messages_are_text_wherever_they_are_drawn(program: Program, board: Server) -> None:
    attempt = "<img src=x onerror=alert(1)>"
    made = program.post("/rooms", json={"name": f"Attack {attempt}"})
    assert made.status_code == 201
    slug = re.search(r'href="/rooms/(attack[^"]*)"', board.get("/rooms").text)[1]
    with board.open(f"/sse/live?topic=rooms/{slug}&topic=rooms&topic=typing/{slug}&topic=here/{slug}") as stream:
        stream.read_until(b"retry:")
        eve = Person(board, attempt)
        eve.http.post(f"/rooms/{slug}/typing")
        with eve.enter(slug) as entered:
            entered.read_until(b"name-form")
            stream.read_until(b"event: here")
            program.post(f"/rooms/{slug}", json={"message": f"{attempt}\ndata: x\n\nevent: y", "name": attempt})
            stream.read_until(b"event: y")
            shown = board.get(f"/rooms/{slug}").text + board.get("/rooms").text + board.get("/").text
    for text in (stream.text, entered.text, shown):
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
    assert {event.get("event") for event in events(stream)} <= {None, "rooms", "typing", "here"}


def test_a_person_says_something_under_the_name_of_the_session(board: Server, room: str) -> None:
    ana = Person(board, "Ana")
    answer = ana.http.post(f"/rooms/{room}", data={"message": "Hello", "name": "Somebody else"})
    assert answer.status_code == 204
    assert re.search(r"<bdi>Ana</bdi>.*?<p[^>]*>Hello</p>", board.get(f"/rooms/{room}").text, re.S)


def test_a_person_who_says_nothing_is_told_and_keeps_what_was_typed(board: Server, room: str) -> None:
    answer = Person(board).http.post(f"/rooms/{room}", data={"message": "x" * 2001})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{"x" * 2001}"' in answer.text


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "a\u202eb", "a\u200bb"])
def test_a_name_that_is_none_is_refused_and_the_old_one_stays(board: Server, name: str) -> None:
    ana = Person(board, "Ana")
    answer = ana.call(name)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'value="Ana"' in ana.http.get("/rooms/lobby").text


def test_a_guest_has_the_same_name_on_each_page(board: Server) -> None:
    guest = Person(board)
    names = {re.search(r'value="(Guest \d+)"', guest.http.get("/rooms/lobby").text)[1] for _ in range(2)}
    assert len(names) == 1


def test_a_room_is_made_by_a_person_and_its_name_becomes_an_address(board: Server) -> None:
    person = Person(board)
    with board.open("/sse/rooms") as stream:
        stream.read_until(b"retry:")
        answer = person.http.post("/rooms", data={"name": " Kaffee &  Küche! "})
        assert answer.headers["HX-Redirect"] == "/rooms/kaffee-kuche"
        stream.read_until(b"Kaffee &amp; K")
    assert "Kaffee &amp; Küche!" in board.get("/rooms/kaffee-kuche").text
    again = person.http.post("/rooms", data={"name": "KAFFEE küche"})
    assert again.headers["HX-Redirect"] == "/rooms/kaffee-kuche"
    assert board.get("/rooms").text.count('id="room-kaffee-kuche"') == 1


@pytest.mark.parametrize("name", ["", "  ", "!!!", "🙂", "x" * 41, "a\u202eb"])
def test_a_name_that_has_no_address_is_refused(board: Server, program: Program, name: str) -> None:
    answer = Person(board).http.post("/rooms", data={"name": name})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert list(program.post("/rooms", json={"name": name}).json()["errors"]) == ["name"]


def test_there_are_a_thousand_rooms_and_no_more(serve) -> None:
    server = serve()
    with sqlite3.connect(server.folder / "data" / "tidewire.db", timeout=10) as db:
        rows = [(f"room-{n}", f"Room {n}", "2026-01-01T00:00:00.000+00:00") for n in range(998)]
        db.executemany("INSERT INTO rooms (slug, name, time) VALUES (?, ?, ?)", rows)
    program, person = Program(server), Person(server)
    assert program.post("/rooms", json={"name": "The thousandth"}).status_code == 201
    refused = program.post("/rooms", json={"name": "One more"})
    assert refused.status_code == 422
    assert "1000 rooms" in refused.json()["errors"]["name"]
    told = person.http.post("/rooms", data={"name": "One more"})
    assert told.status_code == 422
    assert "1000 rooms" in told.text
    assert 'value="One more"' in told.text
    assert person.http.post("/rooms", data={"name": "room 7"}).headers["HX-Redirect"] == "/rooms/room-7"
    assert server.get("/rooms").text.count('id="room-') == 52  # fifty rows, and the form and its field


def test_the_lobby_is_there_from_the_start_and_the_rooms_tell_their_newest_message(
    program: Program, board: Server
) -> None:
    with board.open("/sse/rooms?format=json") as stream:
        stream.read_until(b"retry:")
        program.post("/rooms/lobby", json={"message": "x" * 500, "name": "CI"})
        stream.read_until(b"xxx")
    [room] = payloads(stream)
    assert (room["slug"], room["name"], room["by"]) == ("lobby", "Lobby", "CI")
    assert len(room["newest"]) < 200


def test_history_is_read_page_by_page_without_a_gap_or_a_repeat(program: Program, board: Server, room: str) -> None:
    with sqlite3.connect(board.folder / "data" / "tidewire.db", timeout=10) as db:
        rows = [(room, "CI", f"m{n}.", "2026-01-01T00:00:00.000+00:00") for n in range(120)]
        db.executemany("INSERT INTO messages (room, name, message, time) VALUES (?, ?, ?, ?)", rows)
    program.post("/rooms/lobby", json={"message": "of another room"})
    read: list[str] = []
    html = board.get(f"/rooms/{room}").text
    while True:
        read = [*re.findall(r"<p[^>]*>(m\d+\.)</p>", html), *read]
        if "hx-include" not in html:
            break
        oldest = re.search(r'name="before" value="(\d+)"|value="(\d+)"[^>]*name="before"', html)
        html = board.get(f"/rooms/{room}/older?before={oldest[1] or oldest[2]}").text
        assert "<html" not in html
    assert read == [f"m{n}." for n in range(120)]
    assert "This is where it began" in html


def test_a_page_carries_the_cursor_of_before_it_was_read(program: Program, board: Server, room: str) -> None:
    page = board.get(f"/rooms/{room}").text
    program.post(f"/rooms/{room}", json={"message": "Between page and stream"})
    url = page.split('sse-connect="')[1].split('"')[0].replace("&amp;", "&")
    with board.open(url) as stream:
        stream.read_until(b"Between page and stream")


def test_a_reset_draws_the_room_whole(program: Program, board: Server, room: str) -> None:
    program.post(f"/rooms/{room}", json={"message": "Long ago"})
    topics = "&".join(f"topic={kind}/{room}" for kind in ("rooms", "here", "typing"))
    with board.open(f"/sse/live?{topics}&after=nonsense-1") as stream:
        for part in (b'id="messages"', b'id="older"', b'id="here"', b'id="typing"', b"Long ago"):
            stream.read_until(part)
