"""`python main.py run`: signals, terminals and closed outputs are the command's, and so is its exit code."""

import contextlib
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from programs import Program
from servers import Server, until
from shell import MAIN, begun, job_named, logged, newest_job, script, told, typed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGSEGV, 139)])
def test_a_signal_is_passed_on_as_a_shell_does(board: Server, number: int, code: int) -> None:
    ended = typed(board, "run", "--", "sh", "-c", f"kill -{int(number)} $$")
    assert ended.returncode == code
    assert newest_job(board)["message"].startswith(f"ended by {signal.Signals(number).name} after ")


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


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_who_has_closed_an_output_has_the_exit_code_all_the_same(board: Server, closed: str) -> None:
    line = shlex.join([*MAIN, "run", "--", "sh", "-c", "echo out; echo err >&2; exit 9"])
    assert subprocess.run(["sh", "-c", f"{line} {closed}"], env=told(board), check=False).returncode == 9


def test_the_exit_code_is_the_same_where_output_is_closed_or_ignored(board: Server) -> None:
    ended = typed(board, "run", "--", sys.executable, "-c", "import os; os.close(1); os.close(2); raise SystemExit(9)")
    assert ended.returncode == 9
