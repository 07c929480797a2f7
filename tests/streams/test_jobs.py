"""Jobs on a real board, as programs and streams see them."""

import html
import time
from typing import Any

import pytest
from programs import Program, events, payloads
from servers import Server

from streams.job_changes import TELL_SECONDS

END = b"\r\n0\r\n\r\n"  # of a response in chunks


def begun(program: Program, **given: Any) -> dict[str, Any]:
    answer = program.post("/jobs", json={"name": "Build", "total": 10, **given})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("form", ["json", "data"])
def test_a_program_begins_a_job_and_tells_how_it_goes(program: Program, board: Server, form: str) -> None:
    answer = program.post("/jobs", **{form: {"name": f"By {form}", "total": 10}})
    assert answer.status_code == 201
    job = answer.json()
    assert job["url"] == f"{board.url}/jobs/{job['id']}"
    assert job["stream"] == f"{board.url}/sse/jobs/{job['id']}"
    with board.open(f"/sse/jobs/{job['id']}") as stream:
        stream.read_until(b"event: progress\nid: 0\n")
        assert program.post(f"/jobs/{job['id']}", **{form: {"done": 4, "message": "compiling"}}).json()["done"] == 4
        stream.read_until(b"event: progress\nid: 4\n")
        ended = program.post(f"/jobs/{job['id']}", **{form: {"state": "completed"}}).json()
        stream.read_until(END)
    assert (ended["state"], ended["done"]) == ("completed", 10)
    last = events(stream)[-1]
    assert (last["event"], last["id"]) == ("complete", "11")
    assert "compiling" in last["data"]
    assert stream.text.count("event: complete") == 1


@pytest.mark.parametrize("name", ["jobs", "progress", "tasks"])
def test_each_address_tells_the_present_state_at_once_and_goes_on(program: Program, board: Server, name: str) -> None:
    job = begun(program)
    program.post(f"/jobs/{job['id']}", data={"done": 3})
    for headers in ({}, {"Last-Event-ID": "2"}, {"Last-Event-ID": "nonsense"}):
        with board.open(f"/sse/{name}/{job['id']}", headers=headers) as stream:
            stream.read_until(b"</progress>")
            assert [event["id"] for event in events(stream)] == ["3"]
            assert 'value="3" max="10"' in stream.text


@pytest.mark.parametrize("name", ["jobs", "progress", "tasks"])
def test_who_comes_after_the_end_is_told_it_once_and_stays_away(program: Program, board: Server, name: str) -> None:
    job = begun(program)
    program.post(f"/jobs/{job['id']}", data={"done": 10})
    program.post(f"/jobs/{job['id']}", data={"state": "completed"})
    path = f"/sse/{name}/{job['id']}"
    with board.open(path, headers={"Last-Event-ID": "10"}) as stream:  # cut between its last step and its end
        stream.read_until(END)
    assert [(event["event"], event["id"]) for event in events(stream)] == [("complete", "11")]
    assert board.get(path, headers={"Last-Event-ID": "11"}).status_code == 204


def test_a_job_that_is_not_there_is_404_everywhere(program: Program, board: Server) -> None:
    for number in ("999999", "0", "x", "9" * 30, "%C2%B2"):
        for path in (f"/sse/jobs/{number}", f"/sse/progress/{number}", f"/sse/tasks/{number}", f"/jobs/{number}"):
            assert board.get(path).status_code == 404, path
    for action in ("", "/cancel", "/again", "/delete"):
        assert program.post(f"/jobs/999999{action}").status_code == 404, action


def test_a_stream_tells_json_to_whoever_wants_that(program: Program, board: Server) -> None:
    job = begun(program)
    with board.open(f"/sse/jobs/{job['id']}?format=json") as stream:
        stream.read_until(b"event: progress")
        program.post(f"/jobs/{job['id']}", data={"state": "failed", "message": "no disk"})
        stream.read_until(END)
    assert [told["state"] for told in payloads(stream)] == ["running", "failed"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x", "total": "many"}, "total"),
        ({"name": "x", "total": 0}, "total"),
        ({"name": "x", "total": 2**60}, "total"),
        ({"name": "x", "message": "x" * 501}, "message"),
    ],
)
def test_what_cannot_be_a_job_is_refused_by_its_field(program: Program, given: dict[str, Any], field: str) -> None:
    answer = program.post("/jobs", json=given)
    assert answer.status_code == 422
    assert [*answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"done": 11}, "done"),
        ({"done": 4}, "done"),
        ({"done": -1}, "done"),
        ({"done": "x"}, "done"),
        ({"total": 4}, "total"),
        ({"state": "interrupted"}, "state"),
        ({"state": "done"}, "state"),
    ],
)
def test_what_cannot_be_an_update_is_refused_by_its_field(program: Program, given: dict[str, Any], field: str) -> None:
    job = begun(program)
    program.post(f"/jobs/{job['id']}", data={"done": 5})
    answer = program.post(f"/jobs/{job['id']}", json=given)
    assert answer.status_code == 422
    assert [*answer.json()["errors"]] == [field]
    now = program.http.get(f"/jobs/{job['id']}", headers={"Accept": "application/json"}).json()
    assert (now["done"], now["state"]) == (5, "running")


def test_a_total_that_is_found_later_may_be_told_later(program: Program) -> None:
    job = begun(program, total=None)
    assert job["total"] is None
    assert program.post(f"/jobs/{job['id']}", json={"done": 5, "total": 50}).json()["total"] == 50


def test_a_program_sees_in_the_answer_that_its_job_was_cancelled(program: Program, board: Server) -> None:
    job = begun(program)
    program.post(f"/jobs/{job['id']}", data={"done": 3})
    with board.open(f"/sse/jobs/{job['id']}") as stream:
        stream.read_until(b"event: progress")
        assert program.post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
        stream.read_until(END)
    answer = program.post(f"/jobs/{job['id']}", data={"done": 4})
    assert answer.status_code == 409
    assert (answer.json()["state"], answer.json()["cancelled"], answer.json()["done"]) == ("cancelled", True, 3)


def test_what_has_ended_stays_as_it_is_until_it_is_deleted(program: Program, board: Server) -> None:
    job = begun(program)
    path = f"/jobs/{job['id']}"
    assert program.post(f"{path}/delete").status_code == 409
    program.post(path, data={"state": "completed"})
    for answer in (
        program.post(path, data={"done": 10}),
        program.post(f"{path}/cancel"),
        program.post(f"{path}/again"),
    ):
        assert answer.status_code == 409
        assert answer.json()["state"] == "completed"
    with board.open("/sse/jobs") as stream:
        stream.read_until(b"retry:")
        assert program.post(f"{path}/delete").json() == {"id": job["id"], "deleted": True}
        stream.read_until(f"event: job-{job['id']}-gone\n".encode())
    assert board.get(path).status_code == 404
    assert begun(program)["id"] > job["id"], "a number must not be given twice"


def test_a_key_repeated_begins_one_job(program: Program) -> None:
    key = {"Idempotency-Key": "job-1"}
    answers = [program.post("/jobs", data={"name": "Once"}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_the_list_tells_states_by_items_and_steps_by_what_moves(program: Program, board: Server) -> None:
    with board.open("/sse/jobs") as stream:
        stream.read_until(b"retry:")
        job = begun(program, name="Listed <b>")
        stream.read_until(b"</li>")
        program.post(f"/jobs/{job['id']}", data={"done": 4})
        stream.read_until(f"event: job-{job['id']}\n".encode())
        stream.read_until(b'value="4" max="10"')
        program.post(f"/jobs/{job['id']}", data={"state": "failed"})
        stream.read_until(b'data-state="failed"')
    assert "<b>" not in stream.text
    assert events(stream)[-1]["event"] == "jobs"


def test_the_examples_go_on_with_a_job_that_a_program_may_go_on_with(program: Program, board: Server) -> None:
    number = program.post("/jobs", data={"name": "Still at it"}).json()["id"]
    program.post("/jobs/demo")
    for page in ("/jobs", "/streams"):
        assert f"{board.url}/jobs/{number} -H" in html.unescape(board.get(page).text)
    program.post(f"/jobs/{number}", data={"state": "completed"})


def test_many_quick_steps_are_told_as_a_few_and_the_last_is_among_them(program: Program, board: Server) -> None:
    job = begun(program, total=60)
    with board.open(f"/sse/jobs/{job['id']}") as stream:
        stream.read_until(b"event: progress")
        began = time.monotonic()
        for done in range(1, 61):
            program.post(f"/jobs/{job['id']}", data={"done": done})
        stream.read_until(b"id: 60\n")
        seconds = time.monotonic() - began
    assert len(events(stream)) <= seconds / (0.9 * TELL_SECONDS) + 3


def test_the_page_of_a_job_is_drawn_whole_before_anything_is_live(program: Program, board: Server) -> None:
    job = begun(program, message="at work")
    page = board.get(f"/jobs/{job['id']}").text
    assert "at work" in page
    assert f'sse-connect="/sse/jobs/{job["id"]}"' in page
    assert f'href="/jobs/{job["id"]}"' in board.get("/jobs").text


def test_a_link_cannot_act_and_a_stranger_neither(program: Program, board: Server) -> None:
    assert board.get("/jobs/1/cancel").status_code == 405
    assert Program(board).http.post("/jobs/demo", headers={"Authorization": "Bearer no"}).status_code == 401
