"""`python main.py run`: the board is told of the command, and the command is as it would be alone."""

import os
import re
import shlex
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from servers import Server, until
from shell import begun, job_named, logged, newest_job, script, typed

from commands import main


def test_the_board_is_told_its_lines_its_progress_and_its_end(board: Server) -> None:
    command = ["sh", "-c", "echo word one; echo word two >&2; printf 'word three'; exit 3"]
    ended = typed(board, "run", "--name", "All of it", "--", *command)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"word one\nword three", b"word two\n")
    job = newest_job(board)
    assert (job["name"], job["state"], job["done"]) == ("All of it", "failed", 3)
    assert re.fullmatch(r"exit code 3 after \d+\.\d s", job["message"])
    assert sorted(logged(board, "word ")) == [("info", f"word {number}") for number in ("one", "three", "two")]
    assert logged(board, "exit code 3") == [("error", job["message"])]
    news = board.get("/notifications", headers={"HX-Request": "true"}).text
    assert re.search(rf'data-level="error"[^§]*?All of it: {re.escape(job["message"])}', news)


def test_a_command_that_succeeds_is_a_completed_job_of_its_own_name(board: Server) -> None:
    ended = typed(board, "run", "--", "sh", "-c", "true", "--level", "--url")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    job = newest_job(board)
    assert (job["name"], job["state"]) == ("sh -c true --level --url", "completed")
    assert re.fullmatch(r"done in \d+\.\d s", job["message"])


def test_every_byte_comes_out_as_it_went_in_and_input_reaches_the_command(board: Server, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(os.urandom(300_000) + bytes(range(256)))
    told = script(
        tmp_path,
        "import sys, shutil\n"
        "shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)\n"
        "sys.stderr.buffer.write(bytes(range(256)) * 999)\n",
    )
    with (tmp_path / "bytes").open("rb") as given:
        ended = typed(board, "run", "--", *told, stdin=given)
    assert ended.returncode == 0
    assert ended.stdout == (tmp_path / "bytes").read_bytes()
    assert ended.stderr == bytes(range(256)) * 999


def test_stdout_and_stderr_that_are_one_keep_their_order(board: Server, tmp_path: Path) -> None:
    command = script(tmp_path, "import os\nfor n in range(200): os.write(1 + n % 2, b'%d\\n' % n)\n")
    process = begun(board, "run", "--", *command, stderr=subprocess.STDOUT)
    assert process.communicate(timeout=30)[0].split() == [b"%d" % n for n in range(200)]


def test_what_cannot_be_run_is_said_in_one_line_and_makes_no_job(board: Server, tmp_path: Path) -> None:
    for command, code in (("no-such-command", 127), (str(tmp_path), 126)):
        ended = typed(board, "run", "--name", "Nothing", "--", command)
        assert ended.returncode == code
        assert re.fullmatch(rf"tidewire: run: {command}: [^\n]+\n", ended.stderr.decode())
    assert job_named(board, "Nothing") is None


@pytest.mark.parametrize(
    "arguments", [[], ["--"], ["make", "test"], ["--name", "x", "--"], ["--loud", "--", "true"]], ids=shlex.join
)
def test_bad_usage_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])
    assert ended.value.code == 2
    assert re.fullmatch(r"tidewire: [^\n]+\n", capsys.readouterr().err)


def test_without_a_board_one_line_says_so_and_nothing_else_is_different(board: Server) -> None:
    ended = typed(board, "run", "--port", "1", "--", "sh", "-c", "echo out; sleep 0.5; exit 4")
    assert (ended.returncode, ended.stdout) == (4, b"out\n")
    assert re.fullmatch(
        r"tidewire: no board answers at [^\n]+; it is told no more of this command\n", ended.stderr.decode()
    )


@pytest.mark.slow
def test_a_board_that_hangs_delays_the_end_by_a_few_seconds_at_most(board: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.monotonic()
        ended = typed(board, "run", "--url", url, "--", "sh", "-c", "echo out; exit 4")
        assert time.monotonic() - began < 8
    assert (ended.returncode, ended.stdout) == (4, b"out\n")
    assert ended.stderr.decode() == f"tidewire: {url} does not answer in time; it is told no more of this command\n"


@pytest.mark.slow
def test_a_board_that_comes_back_is_told_what_was_said_meanwhile(serve: Any) -> None:
    board = serve()
    lines = "for n in $(seq 40); do echo line $n; sleep 0.1; done"
    process = begun(board, "run", "--name", "Longer", "--", "sh", "-c", lines)
    until(lambda: logged(board, "line 3"))
    board.stop()
    board.start()
    assert process.wait(30) == 0
    assert process.communicate()[1] == b""
    assert [line for _, line in logged(board, "line")] == [f"line {n}" for n in range(1, 41)]
    assert (newest_job(board)["state"], newest_job(board)["done"]) == ("completed", 40)


def test_who_says_more_than_the_board_can_take_is_not_slowed_and_the_log_says_what_is_missing(board: Server) -> None:
    ended = typed(board, "run", "--name", "Many", "--", "seq", "1", "400000")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == b"".join(b"%d\n" % n for n in range(1, 400_001))
    assert newest_job(board)["done"] == 400_000
    assert any("lines left out" in line for _, line in logged(board, "left out"))


@pytest.mark.slow
def test_a_board_that_is_asked_too_often_is_told_later(serve: Any) -> None:
    board = serve(env={"TIDEWIRE_RATE_LIMIT": "4/3 second"})
    counting = "for n in $(seq 30); do echo number $n; sleep 0.2; done"
    ended = typed(board, "run", "--name", "Limited", "--", "sh", "-c", counting)
    assert ended.returncode == 0
    assert len(logged(board, "number")) >= 20
