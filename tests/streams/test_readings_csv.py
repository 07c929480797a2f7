"""Readings in and out as CSV, on a real board."""

import csv
import io
import socket

import pytest
from programs import Program, events
from servers import Server, until
from sheets import HEAD, ended, files, job, kept, send, sheet

from components.job import Problem
from components.readings import SensorReading
from streams.csv_lines import Part
from streams.readings_csv import stored


def test_good_rows_are_kept_and_bad_ones_reported_by_line_and_reason(program: Program, board: Server) -> None:
    answer = send(program, sheet("greenhouse", 3_000, 30), name="green <house>.csv")
    assert answer.status_code == 201
    number = answer.json()["id"]
    with board.open(f"/sse/jobs/{number}") as stream:
        stream.read_until(b"event: complete")
        stream.read_until(b"\r\n0\r\n\r\n")
    last = events(stream)[-1]["data"]
    assert "2,970 kept, 30 left out" in last
    assert "Line 101<" in last
    assert "temperature: Input should be a valid number" in last
    now = job(program, number)
    assert (now["state"], now["done"], now["total"], now["problems"]) == ("completed", 3_000, 3_000, 30)
    assert kept(board, "greenhouse") == 2_970
    told = [*csv.reader(io.StringIO(board.get(f"/jobs/{number}/problems.csv").text))]
    assert told[0] == ["line", "reason"]
    assert [int(line) for line, _ in told[1:]] == list(range(101, 3_002, 100))
    assert "green &lt;house&gt;.csv" in board.get(f"/jobs/{number}").text
    assert not [name for name in files(board) if name.startswith("import")], "its file is of no more use"


def test_streams_of_readings_are_told_of_a_file_as_one(program: Program, board: Server) -> None:
    with board.open("/sse/live?topic=sensors&topic=sensor-batches&format=json") as stream:
        stream.read_until(b"retry:")
        send(program, sheet("attic", 2_500))
        stream.read_until(b'"count":2500')
    assert "attic" not in stream.text
    assert len(events(stream)) < 10


def test_a_file_sent_again_is_not_stored_twice(program: Program, board: Server) -> None:
    content = sheet("twice", 50)
    first = ended(program, send(program, content).json()["id"])
    again = send(program, content, name="another name.csv")
    assert again.status_code == 409
    assert again.json()["id"] == first["id"]
    assert "nothing is stored twice" in again.json()["error"]
    assert kept(board, "twice") == 50
    assert files(board) == [], "what no job reads is not kept"
    program.post(f"/jobs/{first['id']}/delete")
    ended(program, send(program, content).json()["id"])
    assert kept(board, "twice") == 100, "whoever deletes the job may import once more"


def test_a_cancelled_import_says_how_much_it_kept_and_goes_on_from_there(program: Program, board: Server) -> None:
    content = sheet("halfway", 60_000, 60)
    number = send(program, content).json()["id"]
    until(lambda: job(program, number)["done"] > 0)
    cancelled = program.post(f"/jobs/{number}/cancel").json()
    stored = kept(board, "halfway")
    assert cancelled["state"] == "cancelled"
    assert 0 < stored < 59_940
    assert cancelled["message"] == f"{stored:,} kept, {cancelled['problems']:,} left out"
    assert cancelled["done"] == stored + cancelled["problems"]
    again = program.post(f"/jobs/{number}/again")
    assert again.status_code == 201
    assert kept(board, "halfway") >= stored
    assert program.post(f"/jobs/{number}/again").status_code == 409, "the same rows would be stored by both"
    assert send(program, content).status_code == 409
    now = ended(program, again.json()["id"])
    assert now["message"] == f"59,940 kept ({stored:,} of them before), 60 left out"
    assert (now["done"], now["problems"], kept(board, "halfway")) == (60_000, 60, 59_940)
    lines = board.get(f"/jobs/{now['id']}/problems.csv").text.splitlines()
    assert len(lines) == 61, "those that the cancelled one has found too"


def test_where_there_is_no_room_for_a_sensor_its_rows_are_left_out_and_no_others() -> None:
    def store(change: None, readings: list[SensorReading], *, earlier: int) -> int:
        if any(one.sensor == "many" for one in readings):
            raise ValueError("expected at most 1000 sensors")
        return len(readings)

    readings = [SensorReading(sensor=name, temperature=1, humidity=1, pressure=1_000) for name in ("a", "many", "b")]
    kept, refused = stored(None, store, Part(0, 1, readings=readings, numbers=[2, 5, 7]), 0)
    assert kept == 2
    assert refused == [Problem(line=5, reason="expected at most 1000 sensors")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "file: expected a CSV file, got an empty one"),
        (b"a;b\n1;2\n", "file: expected a first line that names the columns"),
        (b"\0" * 2_000_000, "file: expected a CSV file, got binary data"),
    ],
)
def test_a_file_that_is_none_begins_no_job_and_leaves_nothing(
    program: Program, board: Server, content: bytes, said: str
) -> None:
    before = files(board)
    answer = send(program, content)
    assert answer.status_code == 422
    assert answer.json()["errors"]["file"].startswith(said.removeprefix("file: "))
    page = program.post("/jobs/import", files={"file": ("x.csv", content)}, headers={"HX-Request": "true"})
    assert page.status_code == 422
    assert page.text.startswith(said)
    assert files(board) == before


def test_what_is_no_upload_or_names_no_sensor_is_refused_by_its_field(program: Program) -> None:
    for given in ({"data": {"file": "text"}}, {"json": {}}, {"files": {"other": ("a", b"x")}}):
        answer = program.post("/jobs/import", **given)
        assert answer.status_code == 422
        assert [*answer.json()["errors"]] == ["file"]
    answer = send(program, HEAD + "x", sensor="a b")
    assert [*answer.json()["errors"]] == ["sensor"]


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_who_leaves_in_the_middle_of_an_upload_is_no_fault_of_the_board(
    program: Program, board: Server, kind: str
) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + HEAD.encode()
    head = (
        f"POST /jobs/import HTTP/1.1\r\nHost: {board.host}\r\nAuthorization: {program.http.headers['authorization']}"
        f"\r\nContent-Type: {kind}\r\nContent-Length: 50000\r\n\r\n"
    )
    before = board.complaints(), files(board)
    with socket.create_connection((board.host, board.port)) as client:
        client.sendall(head.encode() + part)
        board.get("/health/live")
    for _ in range(3):
        board.get("/health/live")
    assert (board.complaints(), files(board)) == before


def test_only_an_import_may_be_large(program: Program) -> None:
    large = "x" * 3_000_000
    assert program.post("/jobs/import", files={"file": ("x.csv", large)}).status_code == 422
    assert program.post("/jobs", data={"name": large}).status_code == 413


def test_all_readings_are_exported_to_a_file_that_can_be_imported(program: Program, board: Server) -> None:
    ended(program, send(program, sheet("exported", 1_500)).json()["id"])
    number = program.post("/jobs/export").json()["id"]
    now = ended(program, number)
    assert now["state"] == "completed"
    answer = board.get(f"/jobs/{number}/file")
    assert answer.headers["content-disposition"].startswith('attachment; filename="readings-2')
    assert answer.headers["content-type"].startswith("text/csv")
    rows = [*csv.DictReader(io.StringIO(answer.text))]
    assert len(rows) >= now["done"] >= 1_500
    assert sum(row["sensor"] == "exported" for row in rows) == 1_500
    assert {"sensor", "time", "temperature", "humidity", "pressure"} == set(rows[0])
    program.post(f"/jobs/{number}/delete")
    assert board.get(f"/jobs/{number}/file").status_code == 404
    assert not [name for name in files(board) if name.startswith("export")]
