"""The board as a whole, as a real server answers for it."""

import re
import shutil
import subprocess
import time

import pytest
from servers import streams, until

STREAMS = ["/sse/counter", "/sse/clock", "/events"]
PAGES = ["/", "/clock", "/counter", "/events/page"]
TRAVERSALS = [
    "/static/..%2fmain.py",
    "/static/..%2f..%2fetc%2fpasswd",
    "/static/%2e%2e/settings.py",
    "/static/../main.py",
    "/..%2fmain.py",
    "/main.py",
    "/pyproject.toml",
    "/tidewire/..%2flayer.py",
    "/static/vendor/%00",
]


@pytest.mark.parametrize("path", STREAMS)
def test_curl_reads_a_stream_and_its_first_byte_comes_at_once(board, path, record_property):
    curl = [shutil.which("curl") or pytest.skip("no curl"), "-sN", "--noproxy", "*"]
    told = subprocess.run(
        [*curl, "-o", "/dev/null", "--max-time", "1", "-w", "%{http_code} %{time_starttransfer}", board.url + path],
        capture_output=True,
        text=True,
    )
    status, seconds = told.stdout.split()
    record_property("first_byte_ms", round(float(seconds) * 1000, 1))
    assert status == "200"
    assert float(seconds) < 0.9  # what is promised is 0.1; a busy machine that runs the tests gets more
    with subprocess.Popen([*curl, board.url + path], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b": open\n"
        while not process.stdout.readline().startswith(b"data: "):
            pass
        process.terminate()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_in_html(board, path):
    page = board.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'lang="en"' in page.text


def test_what_the_navigation_leads_to_is_there(board):
    for href in set(re.findall(r'<a href="(/[^"]*)"', board.get("/").text)):
        assert board.get(href).status_code == 200, href


def test_the_address_that_does_not_exist_is_a_page_that_says_so(board):
    page = board.get("/nothing<b>")
    assert page.status_code == 404
    assert "There is no page at" in page.text
    assert "<b>" not in page.text


def test_a_page_that_breaks_shows_a_reference_that_the_log_has_and_nothing_of_the_fault(probe):
    page = probe.get("/broken")
    assert page.status_code == 500
    assert "secret of the server" not in page.text
    reference = re.search(r"<code>(\w{8})</code>", page.text)[1]
    until(lambda: f"reference {reference}" in probe.log and "ValueError: a secret of the server" in probe.log)


def test_a_stream_that_breaks_shows_a_reference_that_the_log_has_and_nothing_of_the_fault(probe):
    with probe.open("/sse/failing") as stream:
        assert stream.read_until(b"0\r\n\r\n")
    reference = re.search(r"event: stream-error\nretry: \d+\ndata: (\w{8})\n", stream.text)[1]
    assert "secret of the server" not in stream.text
    until(lambda: f"stream /sse/failing failed, reference {reference}" in probe.log)


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_static_folders(board, path):
    with board.open(path) as answer:
        assert answer.read_until(b"\r\n").startswith(b"HTTP/1.1 404 ")


def test_an_unknown_stream_names_those_that_exist(board):
    answer = board.get("/sse/nothing")
    assert answer.status_code == 404
    assert set(STREAMS) <= set(answer.json()["streams"])


def test_at_the_start_the_terminal_shows_address_data_and_a_curl_line_that_works(board):
    assert f"Tidewire   {board.url} " in board.log
    assert f"Data       {board.folder / 'data' / 'tidewire.db'}\n" in board.log
    [url] = re.findall(r"curl -N (\S+)", board.log)
    with streams(board, url.removeprefix(board.url), 1) as [stream]:
        stream.read_until(b"data: ")


def test_a_page_does_not_wait_for_streams(board, many_files):
    with streams(board, "/sse/clock", 100):
        began = time.monotonic()
        assert board.get("/").status_code == 200
        assert time.monotonic() - began < 5
