"""Run a command with the board watching: it has our terminal, its output is ours, and so is its end."""

import contextlib
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from commands.board import Board
from commands.output import Output
from commands.report import End, Report
from components.plain import one_line

DRAIN_SECONDS = 1.0  # for the last of its output; what it has started may hold that open for ever
STOP_SECONDS = 5.0  # that a command may take to end before it is killed
LOOK_SECONDS = 0.1
NOT_FOUND, NOT_RUNNABLE, KILLED = 127, 126, 128  # as shells have them
NAME_LENGTH, SOURCE_LENGTH = 200, 80  # characters


def run(board: Board, command: Sequence[str], name: str = "") -> int:
    """Run a command, tell the board of it, and return the exit code."""
    outputs = Output.both()
    began = time.monotonic()
    try:
        process = subprocess.Popen(command, stdout=outputs[0].writing, stderr=outputs[-1].writing)  # noqa: S603
    except OSError as fault:
        print(f"tidewire: run: {command[0]}: {fault.strerror}", file=sys.stderr)
        return NOT_FOUND if isinstance(fault, FileNotFoundError) else NOT_RUNNABLE
    called = str(one_line(name.strip() or shlex.join(command)))
    report = Report(
        board, called[:NAME_LENGTH], (Path(command[0]).name or command[0])[:SOURCE_LENGTH], lambda: stop(process)
    )
    with _passing_on(process, outputs):
        report.begin()
        pumps = [threading.Thread(target=output.pump, args=[report.lines.take], daemon=True) for output in outputs]
        for pump in pumps:
            pump.start()
        returned, seconds = process.wait(), time.monotonic() - began
    with contextlib.suppress(KeyboardInterrupt):  # from here on Ctrl-C is for us: the command has ended
        for pump in pumps:
            pump.join(DRAIN_SECONDS)
        report.end(_end(returned, seconds, cancelled=report.cancelled))
        for pump in pumps:
            pump.join()  # what it has left running still writes to our terminal
    return returned if returned >= 0 else KILLED - returned


def _end(returned: int, seconds: float, *, cancelled: bool) -> End:
    """Say how a command ended."""
    took = f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    if returned == 0:
        return End("completed", "success", f"done in {took}")
    if cancelled or returned in (-signal.SIGINT, KILLED + signal.SIGINT):
        return End("cancelled", "warning", f"cancelled after {took}")
    if returned < 0:
        return End("failed", "error", f"ended by {signal.Signals(-returned).name} after {took}")
    return End("failed", "error", f"exit code {returned} after {took}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a command and what it has started; kill what has not ended after a while."""
    mine = pass_on(process, signal.SIGTERM)
    # psutil could wait for them, and would take the command's exit code from who waits for that.
    deadline = time.monotonic() + STOP_SECONDS
    while mine := [one for one in mine if _runs(one)]:
        if time.monotonic() > deadline:
            for one in mine:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            return
        time.sleep(LOOK_SECONDS)


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    return False


def pass_on(process: "subprocess.Popen[bytes]", number: int) -> list[psutil.Process]:
    """Give a signal to a command and to what it has started, as they are now."""
    told = _family(process.pid)
    if number == signal.SIGTERM:
        # All are held still until nobody new is found: who is started between the look and the signal would be missed.
        held: list[psutil.Process] = []
        while new := [one for one in told if one not in held]:
            for one in new:
                with contextlib.suppress(psutil.Error):
                    one.suspend()
            held += new
            told = _family(process.pid)
        told = held
    for one in told:
        with contextlib.suppress(psutil.Error):
            one.send_signal(number)
            if number == signal.SIGTERM:
                one.resume()
    return told


def _family(pid: int) -> list[psutil.Process]:
    try:
        command = psutil.Process(pid)
        return [command, *command.children(recursive=True)]
    except psutil.Error:
        return []


@contextlib.contextmanager
def _passing_on(process: "subprocess.Popen[bytes]", outputs: Sequence[Output]) -> Iterator[None]:
    """Leave Ctrl-C to the command, which the terminal tells itself, and give it what else we are told.

    It is in our process group, so it may read the terminal, and a Ctrl-Z holds both. What is ignored stays so.
    """

    def given(number: int, _: Any) -> None:
        for output in outputs:
            output.resize()
        if number != signal.SIGINT:
            pass_on(process, number)

    # SIGWINCH reaches the command before its own terminal is resized: it is told again.
    named = ("SIGINT", "SIGTERM", "SIGHUP", "SIGWINCH")
    names = [getattr(signal, name) for name in named if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in names}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, given)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
