"""What is unread: for each session its own, in all its tabs."""

import re
import sqlite3
import time
from collections.abc import Iterator

import httpx
import pytest
from programs import Program, events
from servers import Server, until


class Session:
    """A browser without a page: it keeps its cookie."""

    def __init__(self, board: Server) -> None:
        self.board = board
        self.http = httpx.Client(base_url=board.url, trust_env=False, headers={"Sec-Fetch-Site": "same-origin"})

    def page(self) -> str:
        return self.http.get("/stats").text

    def unread(self) -> int:
        return int(re.search(r"data-unread-number>(\d+)<", self.page())[1])

    def newest(self) -> int:
        return int(re.search(r'data-newest="(\d+)"', self.page())[1])

    def stream(self) -> str:
        return re.search(r'"(/sse/notifications/read/\w+)\?', self.page())[1]

    def mark(self, up_to: object) -> httpx.Response:
        return self.http.post("/notifications/read", data={"up_to": up_to})


@pytest.fixture
def session(board: Server) -> Iterator[Session]:
    one = Session(board)
    yield one
    one.http.close()


def say(program: Program, *messages: str) -> None:
    for message in messages:
        program.post("/notifications", data={"message": message})


def test_what_was_said_before_a_session_came_is_no_news_to_it(program: Program, session: Session) -> None:
    say(program, "before")
    assert session.unread() == 0
    say(program, "after", "and after")
    assert session.unread() == 2


def test_marking_reaches_the_sessions_own_tabs_and_nobody_else(program: Program, board: Server) -> None:
    mine, other = Session(board), Session(board)
    assert mine.unread() == other.unread() == 0
    say(program, "one", "two")
    newest = mine.newest()
    with board.open(mine.stream()) as mine_tab, board.open(other.stream()) as other_tab:
        mine_tab.read_until(b"retry:")
        other_tab.read_until(b"retry:")
        assert mine.mark(newest).status_code == 200
        mine_tab.read_until(b"event: read")
        assert [event["data"] for event in events(mine_tab)] == [str(newest)]
        other.mark(newest - 1)
        other_tab.read_until(b"event: read")
        assert [event["data"] for event in events(other_tab)] == [str(newest - 1)]
    assert mine.unread() == 0
    assert other.unread() == 1


def test_a_tab_that_was_away_is_told_how_far_its_session_has_read(
    program: Program, session: Session, board: Server
) -> None:
    stream = session.stream()
    say(program, "while away")
    session.mark(session.newest())
    with board.open(f"{stream}?after=of-another-world-1") as tab:
        assert f">{session.newest()}<" in tab.read_until(b"read-up-to").decode()


def test_a_mark_only_grows_and_never_beyond_what_there_is(program: Program, session: Session) -> None:
    session.page()
    say(program, "one", "two")
    newest = session.newest()
    session.mark(newest)
    session.mark(newest - 1)
    assert session.unread() == 0
    session.mark(newest + 1000)
    say(program, "three")
    assert session.unread() == 1


@pytest.mark.parametrize("up_to", ["", "-1", "many"])
def test_what_is_no_mark_is_refused_by_name(session: Session, up_to: str) -> None:
    answer = session.mark(up_to)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["up_to"]


def test_a_stream_of_a_reader_that_cannot_be_is_404(board: Server) -> None:
    assert board.get("/sse/notifications/read/me").status_code == 404


def test_the_page_does_not_tell_the_sessions_own_id(session: Session) -> None:
    import base64
    import json

    page = session.page()
    visitor = json.loads(base64.b64decode(session.http.cookies["tidewire"].split(".")[0]))["visitor"]
    assert visitor not in page


def test_the_marks_of_sessions_that_are_no_more_are_forgotten(program: Program, board: Server) -> None:
    old, new = Session(board), Session(board)
    for one in (old, new):
        one.page()
    say(program, "one")
    old.mark(old.newest())
    with sqlite3.connect(board.folder / "data" / "tidewire.db", timeout=10) as db:
        db.execute("UPDATE read_marks SET time = ?", (time.time() - 91 * 24 * 3600,))
    new.mark(new.newest())

    def marks() -> int:
        with sqlite3.connect(board.folder / "data" / "tidewire.db", timeout=10) as db:
            return db.execute("SELECT count(*) FROM read_marks").fetchone()[0]

    until(lambda: marks() == 1)
    assert new.unread() == 0
