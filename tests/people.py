"""People in rooms: a browser's session by hand, and who is where."""

import re
import sqlite3

import httpx
from raw_http import Stream
from servers import Server

HTMX = {"HX-Request": "true"}


class Person:
    """A browser's session, by hand: it opens pages, keeps its cookie, and acts as htmx does."""

    def __init__(self, board: Server, name: str = "") -> None:
        self.board = board
        self.http = httpx.Client(base_url=board.url, headers={**HTMX, "Origin": board.url}, trust_env=False, timeout=10)
        self.http.get("/rooms/lobby")
        if name:
            assert self.call(name).status_code == 200

    def call(self, name: str) -> httpx.Response:
        return self.http.post("/rooms/lobby/name", data={"name": name})

    def enter(self, room: str) -> Stream:
        cookie = "; ".join(f"{one.name}={one.value}" for one in self.http.cookies.jar)
        return self.board.open(f"/sse/presence/{room}", headers={"Cookie": cookie})


def here(board: Server, room: str) -> list[str]:
    """Who is in a room, as its page shows."""
    people = re.search(r'<ul[^>]*class="people".*?</ul>', board.get(f"/rooms/{room}").text, re.S)[0]
    return re.findall(r"<bdi>(.*?)</bdi>", people)


def rows(board: Server, sql: str, *values: str) -> list[tuple]:
    """Do to the database what a test cannot wait for."""
    with sqlite3.connect(board.folder / "data" / "tidewire.db", timeout=10) as db:
        return db.execute(sql, values).fetchall()
