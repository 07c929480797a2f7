"""Imports that take long: killed, taken over by another process, and in nobody's way."""

import os
import signal
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from programs import Program, events
from servers import WORKERS, Server, until
from sheets import ended, job, kept, send, sheet


@pytest.mark.slow
def test_a_process_killed_at_work_leaves_its_job_interrupted_and_run_again_it_loses_and_doubles_nothing(
    serve: Callable[..., Server],
) -> None:
    server = serve()
    number = send(Program(server), sheet("killed", 60_000, 60)).json()["id"]
    until(lambda: job(Program(server), number)["done"] > 0)
    server.kill()
    stored = kept(server, "killed")
    assert 0 < stored < 59_940
    server.start()
    program = Program(server)
    now = until(lambda: (now := job(program, number))["state"] == "interrupted" and now, 20)
    assert now["message"] == f"{stored:,} kept, {now['problems']:,} left out"
    again = program.post(f"/jobs/{number}/again").json()["id"]
    assert ended(program, again)["message"] == f"59,940 kept ({stored:,} of them before), 60 left out"
    assert kept(server, "killed") == 59_940


@pytest.mark.slow
def test_of_two_processes_one_goes_on_with_what_the_killed_one_has_left(serve: Callable[..., Server]) -> None:
    server = serve(WORKERS)
    program = Program(server)
    number = send(program, sheet("worker", 100_000, 500)).json()["id"]
    worker = until(lambda: job(program, number)["done"] > 0 and job(program, number)["worker"])
    os.kill(int(worker.split("-")[0]), signal.SIGKILL)
    stored = kept(server, "worker")
    program = Program(server)  # whose connections are the living process's
    until(lambda: job(program, number)["state"] == "interrupted", 30)
    again = program.post(f"/jobs/{number}/again").json()["id"]
    assert ended(program, again, 60)["done"] == 100_000
    assert kept(server, "worker") == 99_500 > stored


@pytest.mark.slow
@pytest.mark.alone
def test_a_hundred_thousand_readings_with_five_hundred_bad_rows_disturb_nobody(
    program: Program, board: Server, record_property: Callable[[str, object], None]
) -> None:
    answer = send(program, sheet("large", 100_000, 500))
    number, took, steps = answer.json()["id"], [], []
    over = threading.Event()

    def watch() -> None:
        with board.open(f"/sse/jobs/{number}?format=json") as stream:
            stream.read_until(b"event: complete", 60)
        steps.extend(int(event["id"]) for event in events(stream))
        over.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    with httpx.Client(base_url=board.url, trust_env=False, timeout=10) as http:
        while not over.is_set():
            for path in ("/", "/tasks", "/jobs", "/health/ready"):
                began = time.perf_counter()
                assert http.get(path).status_code == 200
                took.append(time.perf_counter() - began)
    watcher.join()
    took.sort()
    record_property("p99_ms", round(took[int(len(took) * 0.99)] * 1000, 1))
    record_property("max_ms", round(took[-1] * 1000, 1))
    assert ended(program, number)["message"] == "99,500 kept, 500 left out"
    assert kept(board, "large") == 99_500
    assert len(board.get(f"/jobs/{number}/problems.csv").text.splitlines()) == 501
    assert steps == sorted(steps)
    assert len(steps) > 5, "the bar has to move"
    assert took[len(took) // 2] < 0.1  # what is promised is 0.1 for all; a busy machine that runs the tests gets more
    assert took[-1] < 1
