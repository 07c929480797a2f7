"""The feed, as programs use it."""

import re

import httpx
import pytest
from programs import Program, events, payloads
from servers import Server

HTMX = {"HX-Request": "true"}


def ids(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="post-(\d+)"', html)]


@pytest.mark.parametrize("form", ["json", "data"])
def test_a_program_posts_by_form_or_json_and_is_given_the_event_id(program: Program, board: Server, form: str) -> None:
    with board.open("/sse/feed") as stream:
        stream.read_until(b"retry:")
        answer = program.post("/feed", **{form: {"author": " Ana ", "text": f"By {form}\nin two lines"}})
        assert answer.status_code == 201
        stream.read_until(f"By {form}".encode())
    [event] = events(stream)
    assert event["id"] == answer.json()["id"]
    assert event["event"] == "new-post"


def test_as_json_a_post_is_its_contract(program: Program, board: Server) -> None:
    with board.open("/sse/feed?format=json") as stream:
        stream.read_until(b"retry:")
        program.post("/feed", json={"author": "Ana", "text": "one\n\ntwo\u2028three"})
        stream.read_until(b"three")
    [post] = payloads(stream)
    assert (post["author"], post["text"]) == ("Ana", "one\n\ntwo\u2028three")
    assert set(post) == {"id", "author", "text", "time"}


def test_a_post_repeated_with_its_key_is_posted_once(program: Program, board: Server) -> None:
    key = {"Idempotency-Key": "release-2"}
    answers = [program.post("/feed", data={"author": "Ana", "text": "Only once"}, headers=key) for _ in range(3)]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert board.get("/feed").text.count("Only once") == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"author": "Ana"}, "text"),
        ({"author": "Ana", "text": " \n "}, "text"),
        ({"author": "Ana", "text": "x" * 2001}, "text"),
        ({"text": "x"}, "author"),
        ({"author": "x" * 41, "text": "x"}, "author"),
        ({"author": "turned \u202e around", "text": "x"}, "author"),
        ({"author": ["Ana"], "text": "x"}, "author"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_posted(
    program: Program, board: Server, given: dict[str, object], field: str
) -> None:
    before = ids(board.get("/feed").text)
    answer = program.post("/feed", json=given)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert ids(board.get("/feed").text) == before


def test_a_form_that_is_wrong_comes_back_with_all_that_was_typed(program: Program) -> None:
    answer = program.post("/feed", data={"author": "Zoë", "text": "y" * 2001}, headers=HTMX)
    assert answer.status_code == 422
    assert 'value="Zoë"' in answer.text
    assert f">{'y' * 2001}</textarea>" in answer.text


def test_the_name_is_kept_in_the_session(board: Server) -> None:
    page = {"Sec-Fetch-Site": "same-origin", **HTMX}
    with httpx.Client(base_url=board.url, trust_env=False) as browser:
        assert browser.post("/feed", data={"author": "Zoë", "text": "Hello"}, headers=page).status_code == 200
        assert 'value="Zoë"' in browser.get("/feed").text
    assert 'value="Zoë"' not in board.get("/feed").text


def test_older_posts_follow_without_a_gap_to_the_very_first(program: Program, board: Server) -> None:
    for number in range(60):
        program.post("/feed", json={"author": "Ana", "text": f"Number {number}"})
    page = board.get("/feed").text
    seen = ids(page)
    assert len(seen) == 50
    while re.search(r"<p[^>]*hx-get[^>]*>", page)[0].find("hidden") < 0:
        page = board.get(f"/feed?before={seen[-1]}", headers=HTMX).text
        seen += ids(page)
    assert seen == list(range(seen[0], 0, -1))


@pytest.mark.parametrize("before", ["0", "-5", "99999999999999999999999999", "-99999999999999999999999999"])
def test_a_place_that_is_none_is_no_fault(board: Server, before: str) -> None:
    assert board.get(f"/feed?before={before}", headers=HTMX).status_code == 200


def test_whoever_was_away_too_long_is_given_the_newest_fifty(board: Server) -> None:
    newest = ids(board.get("/feed").text)
    with board.open("/sse/feed?after=of-another-world-7") as stream:
        html = stream.read_until(b"</ul>").decode()
    assert 'hx-swap-oob="true"' in html
    assert ids(html) == newest[:50]
