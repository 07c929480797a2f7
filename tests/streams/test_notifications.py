"""Notifications, and what programs are answered."""

import re
import sqlite3

import pytest
from programs import Program, events
from servers import Server

from streams.notifications import KEPT


def total(board: Server) -> int:
    shown = board.get("/notifications", headers={"HX-Request": "true"}).text
    return int(re.search(r"<strong>(\d+)</strong>", shown)[1])


@pytest.mark.parametrize("form", ["json", "data"])
def test_a_program_publishes_by_form_or_json_and_is_given_the_event_id(
    program: Program, board: Server, form: str
) -> None:
    with board.open("/sse/notifications") as stream:
        stream.read_until(b"retry:")
        answer = program.post("/notifications", **{form: {"message": f"By {form}", "level": "warning"}})
        assert answer.status_code == 201
        stream.read_until(f"By {form}".encode())
    [event] = events(stream)
    assert event["id"] == answer.json()["id"]
    assert event["event"] == "notification"


def test_the_page_shows_the_newest_five_and_how_many_in_all(program: Program, board: Server) -> None:
    for number in range(6):
        program.post("/notifications", data={"message": f"Number {number}"})
    shown = board.get("/notifications", headers={"HX-Request": "true"}).text
    assert re.findall(r"Number (\d)", shown) == ["5", "4", "3", "2", "1"]
    assert total(board) >= 6


def test_the_oldest_are_let_go_and_still_counted(program: Program, board: Server) -> None:
    with sqlite3.connect(board.folder / "data" / "tidewire.db", timeout=10) as db:
        rows = [("many", "info", "2026-01-01T00:00:00.000+00:00")] * KEPT
        db.executemany("INSERT INTO notifications (message, level, time) VALUES (?, ?, ?)", rows)
        [before] = db.execute("SELECT max(id) FROM notifications").fetchone()
    program.post("/notifications", data={"message": "One more"})
    with sqlite3.connect(board.folder / "data" / "tidewire.db", timeout=10) as db:
        [kept] = db.execute("SELECT count(*) FROM notifications").fetchone()
    assert kept == KEPT
    assert total(board) == before + 1


def test_a_key_repeated_gives_the_first_answer_and_publishes_once(program: Program, board: Server) -> None:
    before = total(board)
    key = {"Idempotency-Key": "build-1412"}
    answers = [program.post("/notifications", data={"message": f"try {n}"}, headers=key) for n in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert total(board) == before + 1
    other = program.post("/notifications", data={"message": "other"}, headers={"Idempotency-Key": "build-1413"})
    assert other.json()["id"] != answers[0].json()["id"]


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "message"), ({"message": " "}, "message"), ({"message": "x", "level": "loud"}, "level")],
)
def test_a_bad_field_is_named_and_nothing_is_kept(
    program: Program, board: Server, given: dict[str, str], field: str
) -> None:
    before = total(board)
    answer = program.post("/notifications", json=given)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert total(board) == before


def test_a_wrong_token_is_401_and_none_is_403(board: Server, program: Program) -> None:
    wrong = program.post("/notifications", data={"message": "x"}, headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


def test_a_body_that_is_too_large_or_says_no_length_is_refused(program: Program) -> None:
    assert program.post("/notifications", content=b"x" * 1_200_000).status_code == 413
    assert program.post("/notifications", content=iter([b"message=x"])).status_code == 411


def test_what_is_no_json_is_a_400(program: Program) -> None:
    json = {"Content-Type": "application/json"}
    for body in (b"{", b"[]", b"\xff"):
        assert program.post("/notifications", content=body, headers=json).status_code == 400


def test_a_person_sends_by_the_form_and_keeps_what_was_typed_when_it_is_wrong(program: Program) -> None:
    htmx = {"HX-Request": "true"}
    good = program.post("/notifications", data={"message": "Hi", "level": "error"}, headers=htmx)
    assert good.status_code == 200
    assert good.text.startswith("<form")
    assert 'value="Hi"' not in good.text
    bad = program.post("/notifications", data={"message": "x" * 501, "level": "error"}, headers=htmx)
    assert bad.status_code == 422
    assert f'value="{"x" * 501}"' in bad.text


def test_signals_say_only_that_something_changed(program: Program, board: Server) -> None:
    with board.open("/sse") as stream:
        stream.read_until(b"event: ping")
        program.post(f"/tasks/{program.add_task('Signal')}/complete")
        stream.read_until(b"notifications_update\ndata: \n\n")
    names = [event["event"] for event in events(stream)]
    assert names[:2] == ["greeting", "ping"]
    assert re.fullmatch(r"<time datetime=\"[^\"]*\+00:00\" data-moment>[0-9:]{8} UTC</time>", events(stream)[1]["data"])
    assert "stats_update" in names


def test_the_board_says_that_it_is_ready(board: Server) -> None:
    assert board.get("/health/ready").json() == {"ready": True, "trouble": None}
    assert board.get("/health/live").status_code == 200
