"""`python main.py run`: the command is as it would be alone, and the board is told of it."""

import contextlib
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from programs import Program
from servers import Server, until
from shell import MAIN, begun, script, told, typed

from commands import main


def newest_job(board: Server) -> dict[str, Any]:
    """The newest job, as the board tells a program."""
    numbers = [int(number) for number in re.findall(r'href="/jobs/(\d+)"', board.get("/jobs").text)]
    told: dict[str, Any] = board.get(f"/jobs/{max(numbers)}", headers={"Accept": "application/json"}).json()
    return told


def job_named(board: Server, name: str) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        if (job := newest_job(board))["name"] == name:
            return job
    return None


def logged(board: Server, text: str = "") -> list[tuple[str, str]]:
    """Level and line of what the log shows, of the lines that hold a text."""
    page = board.get("/log", params={"text": text}, headers={"HX-Request": "true"}).text
    return re.findall(r'data-level="(\w+)".*?class="line">([^<]*)<', page)


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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGSEGV, 139)])
def test_a_signal_is_passed_on_as_a_shell_does(board: Server, number: int, code: int) -> None:
    ended = typed(board, "run", "--", "sh", "-c", f"kill -{int(number)} $$")
    assert ended.returncode == code
    assert newest_job(board)["message"].startswith(f"ended by {signal.Signals(number).name} after ")


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


def test_ctrl_c_is_the_commands_and_its_answer_to_it_counts(board: Server, tmp_path: Path) -> None:
    command = script(
        tmp_path,
        "import os, signal, sys, time\n"
        "def on(*_): os.write(1, b'tidied up\\n'); sys.exit(7)\n"  # print may not be interrupted by itself
        "signal.signal(signal.SIGINT, on)\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(0.1)\n",
    )
    process = begun(board, "run", "--name", "Ctrl-C", "--", *command)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (7, b"tidied up\n", b"")


def test_a_command_that_ctrl_c_ends_is_a_cancelled_job(board: Server) -> None:
    process = begun(board, "run", "--name", "Given up", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert newest_job(board)["state"] == "cancelled"


FAMILY = "sh -c 'echo child; sleep 60' & echo parent; wait"


def family(process: "subprocess.Popen[bytes]") -> None:
    """Wait until a command and what it has started run."""
    assert process.stdout is not None
    assert sorted(process.stdout.readline() for _ in range(2)) == [b"child\n", b"parent\n"]


def test_who_cancels_the_job_ends_the_command_and_what_it_has_started(board: Server) -> None:
    process = begun(board, "run", "--name", "Cancelled", "--", "bash", "-c", FAMILY)
    family(process)
    job = until(lambda: job_named(board, "Cancelled"))
    assert Program(board).post(f"/jobs/{job['id']}/cancel").status_code == 200
    process.communicate(timeout=30)  # to the end of its output, which the grandchild holds open too
    assert process.returncode == 143
    assert newest_job(board)["state"] == "cancelled"
    assert re.search(r"Cancelled: cancelled after", board.get("/notifications").text)


def test_a_signal_to_run_itself_reaches_the_command_and_what_it_has_started(board: Server) -> None:
    process = begun(board, "run", "--", "bash", "-c", FAMILY)
    family(process)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert newest_job(board)["message"].startswith("ended by SIGTERM after")


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


def test_who_reads_no_more_ends_the_command_as_it_would_alone(board: Server) -> None:
    process = begun(board, "run", "--", "yes")
    assert process.stdout is not None
    assert process.stdout.read(2) == b"y\n"
    process.stdout.close()
    assert process.wait(30) == 128 + signal.SIGPIPE


def test_the_end_is_told_though_what_the_command_has_left_running_still_writes(board: Server) -> None:
    process = begun(board, "run", "--name", "Leaves one", "--", "sh", "-c", "(sleep 30; echo late) & echo ended")
    until(lambda: (job := job_named(board, "Leaves one")) and job["state"] == "completed")
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)


def test_in_a_terminal_the_command_has_one_too_and_its_bytes_are_the_same(board: Server, tmp_path: Path) -> None:
    command = script(
        tmp_path,
        "import os, sys\n"
        "print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size(1).columns)\n"
        "print('\\x1b[31mred\\x1b[0m\\ttab'); print('to stderr', file=sys.stderr)\n",
    )
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 123))
    process = begun(board, "run", "--name", "Terminal", "--", *command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 4096):
            said += chunk
    os.close(ours)
    assert process.wait(30) == 0
    assert said == b"True True True 123\r\n\x1b[31mred\x1b[0m\ttab\r\nto stderr\r\n"
    assert "red" in [line.split()[0] for _, line in logged(board, "red")]


def test_a_terminal_that_is_resized_resizes_the_commands(board: Server, tmp_path: Path) -> None:
    command = script(
        tmp_path,
        "import os, signal, time\n"
        "def on(*_):\n"
        "    if os.get_terminal_size(1).columns == 77: print('resized', flush=True); os._exit(6)\n"
        "signal.signal(signal.SIGWINCH, on)\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(0.1)\n",
    )
    ours, theirs = pty.openpty()
    process = begun(board, "run", "--", *command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while b"ready" not in said:
        said += os.read(ours, 4096)
    termios.tcsetwinsize(ours, (24, 77))
    os.killpg(process.pid, signal.SIGWINCH)  # as a terminal does
    assert process.wait(30) == 6
    os.close(ours)


@pytest.mark.slow
def test_a_cancelled_command_that_will_not_end_is_killed(board: Server) -> None:
    process = begun(board, "run", "--name", "Stubborn", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    job = until(lambda: job_named(board, "Stubborn"))
    Program(board).post(f"/jobs/{job['id']}/cancel")
    assert process.wait(30) == 137
    process.communicate(timeout=30)


@pytest.mark.slow
def test_a_board_that_is_asked_too_often_is_told_later(serve: Any) -> None:
    board = serve(env={"TIDEWIRE_RATE_LIMIT": "4/3 second"})
    counting = "for n in $(seq 30); do echo number $n; sleep 0.2; done"
    ended = typed(board, "run", "--name", "Limited", "--", "sh", "-c", counting)
    assert ended.returncode == 0
    assert len(logged(board, "number")) >= 20


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_who_has_closed_an_output_has_the_exit_code_all_the_same(board: Server, closed: str) -> None:
    line = shlex.join([*MAIN, "run", "--", "sh", "-c", "echo out; echo err >&2; exit 9"])
    assert subprocess.run(["sh", "-c", f"{line} {closed}"], env=told(board), check=False).returncode == 9


def test_the_exit_code_is_the_same_where_output_is_closed_or_ignored(board: Server) -> None:
    ended = typed(board, "run", "--", sys.executable, "-c", "import os; os.close(1); os.close(2); raise SystemExit(9)")
    assert ended.returncode == 9
