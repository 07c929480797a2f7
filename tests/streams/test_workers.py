"""The processes of a board, as their table tells them."""

import contextlib
import sqlite3
from collections.abc import Callable

import pytest
from servers import ALONE, WORKERS, Server, until


def named(server: Server) -> list[int]:
    with sqlite3.connect(server.folder / "data" / "tidewire.db") as db:
        return [pid for (pid,) in db.execute("SELECT pid FROM workers")]


@pytest.mark.parametrize("way", [ALONE, WORKERS])
def test_each_process_says_that_it_lives_until_it_ends(serve: Callable[..., Server], way: str) -> None:
    server = serve(way)
    assert len(set(named(server))) == server.processes
    server.stop()
    assert named(server) == []


def test_one_that_was_killed_is_forgotten(serve: Callable[..., Server]) -> None:
    server = serve()
    [killed] = named(server)
    server.kill()
    assert named(server) == [killed]
    with contextlib.closing(sqlite3.connect(server.folder / "data" / "tidewire.db")) as db, db:
        db.execute("UPDATE workers SET seen = seen - 60")  # a minute ago
    server.start()
    until(lambda: killed not in named(server), 20)
