"""The connections of all processes: counted, told, and closed."""

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from programs import Program, events
from prometheus_client.parser import text_string_to_metric_families
from raw_http import Stream
from servers import WORKERS, Server, until

from components.reports import SHOWN, Figures, Process, Report
from streams.processes import Answer, answers
from streams.reports import connection_of
from tidewire.topics import LARGEST_EVENT


def metrics(server: Server) -> dict[str, Any]:
    return server.get("/sse-metrics").json()


def summed(server: Server) -> dict[str, float]:
    """What Prometheus would sum up, by the names of its samples."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(server.get("/metrics").text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + sample.value
    return sums


def closers(server: Server, path: str) -> list[str]:
    """Where the page would close the connections that stream a path."""
    rows = re.findall(r'<tr [^>]*id="connection-.*?</tr>', server.get("/connections").text, re.DOTALL)
    return [re.search(r'hx-post="([^"]+)"', row)[1] for row in rows if f"<code>{path}</code>" in row]


def opened(server: Server, path: str) -> Stream:
    stream = server.open(path)
    stream.read_until(b"retry:")
    return stream


def test_the_figures_count_what_is_open_and_what_was(board: Server, program: Program) -> None:
    before = metrics(board)
    with opened(board, "/sse/notifications") as first, opened(board, "/sse/notifications") as second:
        program.post("/notifications", data={"message": "counted"})
        for stream in (first, second):
            stream.read_until(b"counted")
        now = metrics(board)
        assert now["active_connections"] == before["active_connections"] + 2
        assert now["total_events_sent"] == before["total_events_sent"] + 2
        assert now["total_bytes_sent"] > before["total_bytes_sent"]
        assert 0 < now["average_connection_duration_seconds"] < 600
        assert now["error_rate"] == now["parked_readers"] == 0
    until(lambda: metrics(board)["active_connections"] == before["active_connections"])
    after = metrics(board)
    assert after["total_events_sent"] == now["total_events_sent"]
    assert after["total_connections"] == before["total_connections"] + 2


def test_one_that_comes_back_and_one_that_cannot_catch_up_are_counted(board: Server) -> None:
    before = metrics(board)
    with board.open("/sse/tasks", headers={"Last-Event-ID": "of-another-journal-7"}) as stream:
        stream.read_until(b"event: tasks")
        until(lambda: metrics(board)["resets"] == before["resets"] + 1)
        assert metrics(board)["reconnects"] == before["reconnects"] + 1


def test_prometheus_reads_the_same_figures(board: Server) -> None:
    with opened(board, "/sse/tasks"), opened(board, "/sse/stats"):
        until(lambda: summed(board)["tidewire_connections"] == 2)
        told, sums = metrics(board), summed(board)
    assert sums["tidewire_streams"] == told["active_streams"]
    assert sums["tidewire_events_sent_total"] == told["total_events_sent"]
    assert sums["tidewire_resets_total"] == told["resets"]
    assert sums["tidewire_connection_seconds_count"] == told["total_connections"]
    assert sums["tidewire_connection_seconds_sum"] >= 0
    assert sums["tidewire_memory_bytes"] > 10_000_000
    assert sums["tidewire_open_files"] > 5
    assert sums["tidewire_cpu_seconds_total"] > 0
    assert board.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_a_program_closes_a_connection_and_is_told_when_there_is_none(board: Server, program: Program) -> None:
    with opened(board, "/sse/tasks") as closed, opened(board, "/sse/stats") as other:
        [path] = until(lambda: closers(board, "/sse/tasks"))
        assert program.post(path).status_code == 200
        closed.read_until(b"0\r\n\r\n")
        assert re.search(r": closed\nretry: 2147483647\n\n$", closed.text)
        until(lambda: not closers(board, "/sse/tasks"))
        answer = program.post(path)
        assert answer.status_code == 404
        assert "ended already" in answer.json()["error"]
        assert program.post(path, headers={"HX-Request": "true"}).text == "This connection has ended already.\n"
        program.post("/tasks", data={"title": "Somebody else's"})
        other.read_until(b"event: stats")


def test_only_a_page_of_the_board_or_a_program_with_the_token_may_close(board: Server, program: Program) -> None:
    with opened(board, "/sse/tasks"):
        [path] = until(lambda: closers(board, "/sse/tasks"))
        for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert httpx.post(board.url + path, headers=headers, trust_env=False).status_code == 403
        assert closers(board, "/sse/tasks") == [path]


def test_the_stream_tells_what_came_and_what_went(board: Server) -> None:
    with opened(board, "/sse/connections") as stream:
        stream.read_until(b'id="connection-rows"')
        with opened(board, "/sse/stats"):
            stream.read_until(b"event: connection\ndata: <tr")
        stream.read_until(b'hx-swap-oob="delete"')
    told = events(stream)
    assert {event["event"] for event in told} == {"connections", "details", "connection"}


def test_the_card_is_told_the_figures_alone(board: Server) -> None:
    with opened(board, "/sse/connections?only=figures") as stream:
        stream.read_until(b"event: connections")
        stream.read_until(b"event: connections", 5)
    assert {event["event"] for event in events(stream)} == {"connections"}


def test_two_workers_are_counted_together_and_each_closes_for_the_other(serve: Callable[..., Server]) -> None:
    server = serve(WORKERS)
    program = Program(server)
    held: list[Stream] = []
    workers: dict[str, str] = {}
    while len(workers) < 2:  # the system gives a connection to either
        assert len(held) < 60, "all connections came to one worker"
        held.append(opened(server, "/sse/tasks"))
        workers = {path.split("/")[2]: path for path in closers(server, "/sse/tasks")}
    assert metrics(server)["processes"] == 2
    assert metrics(server)["active_connections"] == len(held)
    assert summed(server)["tidewire_connections"] == len(held)
    for path in workers.values():
        for _ in range(10):  # whichever worker it comes to
            answer = program.post(path)
            if answer.status_code == 404:
                break
            assert answer.status_code == 200, answer.text
        assert answer.status_code == 404
    until(lambda: metrics(server)["active_connections"] == len(held) - 2)
    for stream in held:
        stream.sock.close()
    assert "connection" not in "".join(server.complaints())


@pytest.mark.slow
def test_a_worker_that_is_killed_is_counted_no_more_and_holds_nobody_up(serve: Callable[..., Server]) -> None:
    server = serve(WORKERS)
    before = {int(pid) for pid in re.findall(r'tidewire_connections{process="(\d+)"}', server.get("/metrics").text)}
    assert len(before) == 2
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    until(lambda: f'process="{killed}"' not in server.get("/metrics").text)
    until(lambda: metrics(server)["processes"] == 2, 20)  # uvicorn has started another


def test_a_report_fits_an_event_however_many_streams_its_links_carry() -> None:
    streams = [{"stream": f"/sse/presence/{n:040}", "events": 10**9, "behind": n, "errors": 0} for n in range(1024)]
    told = {"id": "7" * 30, "client": "f" * 39, "since": 1e9, "link": True, "subscriptions": streams + streams[:1]}
    one = connection_of(told | {"bytes": 10**15, "parked": False}, "1234567-89abcdef")
    assert sum(stream.number for stream in one.streams) == 1025
    assert one.events == 1025 * 10**9
    assert one.behind == 1023
    assert one.streams[0].number == 2
    process = Process(worker=one.worker, pid=1, since=one.since, memory=1, cpu=1, cpu_seconds=1, files=1)
    report = Report(process=process, figures=Figures(), connections=[one] * SHOWN)
    answer = Answer(question="0" * 16, worker=one.worker, report=report)
    assert len(answers.draft("answers", answer).data) < LARGEST_EVENT
