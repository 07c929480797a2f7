"""Who is in a room and who is typing, on a real board: over reloads, kills and restarts."""

import contextlib
import os
import re
import signal

import pytest
from people import Person, here, rows
from programs import events, payloads
from servers import WORKERS, Server, until


def test_who_is_here_is_told_and_several_tabs_are_one_person(board: Server, room: str) -> None:
    ana, ben = Person(board, "Ana"), Person(board, "ben")
    with board.open(f"/sse/here/{room}?format=json") as told, board.open("/sse/rooms?format=json") as listed:
        told.read_until(b"retry:")
        listed.read_until(b"retry:")
        with ana.enter(room), ana.enter(room), ben.enter(room):
            told.read_until(b'"total":2')
            assert payloads(told)[-1] == {"people": ["Ana", "ben"], "total": 2}
            assert here(board, room) == ["Ana", "ben"]
            listed.read_until(b'"people":2')


def test_who_has_left_and_whose_process_has_died_is_let_go_after_a_grace(board: Server, room: str) -> None:
    with board.open(f"/sse/here/{room}?format=json") as told:
        told.read_until(b"retry:")
        with Person(board, "Ana").enter(room):
            told.read_until(b'"total":1')
        rows(board, "INSERT INTO presence VALUES ('x', ?, 'v', 'Ghost', 'dead-process', NULL)", room)
        until(lambda: rows(board, "SELECT count(gone) FROM presence WHERE room = ?", room) == [(2,)])
        assert here(board, room) == ["Ana", "Ghost"]
        rows(board, "UPDATE presence SET gone = gone - 10 WHERE room = ?", room)
        told.read_until(b'"total":0')
    assert here(board, room) == []


def test_a_reload_changes_nobodys_list(board: Server, room: str) -> None:
    ana, ben = Person(board, "Ana"), Person(board, "Ben")
    with board.open(f"/sse/here/{room}?format=json") as told:
        told.read_until(b"retry:")
        with ana.enter(room):
            told.read_until(b"Ana")
        with ana.enter(room) as again:
            again.read_until(b"name-form")
            with ben.enter(room):
                told.read_until(b"Ben")
    assert payloads(told) == [{"people": ["Ana"], "total": 1}, {"people": ["Ana", "Ben"], "total": 2}]


def test_another_name_is_told_in_the_room_and_in_each_tab_of_the_session(board: Server, room: str) -> None:
    ana = Person(board, "Ana")
    with board.open(f"/sse/here/{room}?format=json") as told, ana.enter(room) as tab:
        told.read_until(b"Ana")
        ana.call("Anna")
        told.read_until(b"Anna")
        tab.read_until(b"Anna")


def test_a_program_that_reads_is_nobody(board: Server, room: str) -> None:
    with board.open(f"/sse/presence/{room}") as stream, Person(board, "Ana").enter(room):
        stream.read_until(b"event: present")
        until(lambda: here(board, room) == ["Ana"])


def test_who_has_been_taken_for_dead_comes_back(board: Server, room: str) -> None:
    with Person(board, "Ana").enter(room):
        until(lambda: here(board, room) == ["Ana"])
        rows(board, "DELETE FROM presence WHERE room = ?", room)
        until(lambda: here(board, room) == ["Ana"])


def test_typing_is_told_and_taken_back_by_the_message_and_kept_nowhere(board: Server, room: str) -> None:
    ana = Person(board, "Ana")
    with board.open(f"/sse/typing/{room}") as stream:
        stream.read_until(b"retry:")
        assert ana.http.post(f"/rooms/{room}/typing").status_code == 204
        stream.read_until(b"Ana")
        ana.http.post(f"/rooms/{room}", data={"message": "There"})
        stream.read_until(b"hidden")
        typed, over = events(stream)
    assert "id" not in typed
    own = re.search(r'id="typing-(\w+)"', typed["data"])[0]
    assert own in over["data"]
    page = ana.http.get(f"/rooms/{room}").text
    assert re.search(rf"<div hidden[^>]*>\s*<span {own}", page), "the typist's own is put where nobody sees it"
    assert own not in board.get(f"/rooms/{room}").text


@pytest.mark.slow
def test_two_processes_know_each_others_people_and_those_of_one_that_was_killed_vanish(serve) -> None:
    server = serve(WORKERS)
    count, held = 0, {}
    with contextlib.ExitStack() as open_streams:
        while len(held) < 2:  # the system gives a stream to either
            assert count < 120, "all streams came to one process"
            people = [Person(server, f"P{number}") for number in range(count, count + 12)]
            entered = [open_streams.enter_context(person.enter("lobby")) for person in people]
            for stream in entered:
                stream.read_until(b"event: present")
            count += len(people)
            until(lambda: len(here(server, "lobby")) == count)  # noqa: B023 - asked at once
            held = dict(rows(server, "SELECT worker, count(*) FROM presence GROUP BY worker"))
        [(killed, pid), _] = rows(server, "SELECT id, pid FROM workers")
        os.kill(pid, signal.SIGKILL)
        until(lambda: len(here(server, "lobby")) == count - held[killed], 30)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_changes_nobodys_list(serve, end: signal.Signals) -> None:
    server = serve()
    people = [Person(server, name) for name in ("Ana", "Ben")]
    with contextlib.ExitStack() as streams:
        for person in people:
            streams.enter_context(person.enter("lobby")).read_until(b"event: present")
        until(lambda: here(server, "lobby") == ["Ana", "Ben"])
        cursor = re.search(r"after=([\w-]+)", server.get("/rooms/lobby").text)[1]
        server.stop(end)
        server.start()
        with server.open(f"/sse/here/lobby?format=json&after={cursor}") as told:
            told.read_until(b"retry:")
            for person in people:
                streams.enter_context(person.enter("lobby")).read_until(b"event: present")
            until(lambda: rows(server, "SELECT count(*), count(gone) FROM presence") == [(2, 0)], 20)
            with Person(server, "Cleo").enter("lobby"):
                told.read_until(b"Cleo")
    assert payloads(told) == [{"people": ["Ana", "Ben", "Cleo"], "total": 3}]
