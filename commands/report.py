"""What the board is told of a command while it runs; whatever becomes of the board, the command does not notice."""

import secrets
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from commands.board import Board, BoardError, Refused, Unreachable
from commands.lines import Lines

PAUSE_SECONDS = 0.25  # between two batches of lines
NEWS_SECONDS = 1.0  # between two messages of the job while there is something new
LOOK_SECONDS = 2.0  # and while there is nothing: the answer says whether the job was cancelled
WAIT_SECONDS = 0.5, 4.0  # before a board that has gone away is asked again: at first, and at most
PATIENCE_SECONDS = 30.0  # for one that does not answer: a restart takes less
LAST_SECONDS = 3.0  # that a board may take for the end
BUSY = (429, 503)  # it answers, and will take it later
MESSAGE_LENGTH = 500


class End(NamedTuple):
    """How a command ended: the state of its job, the level of its notification, and a line."""

    state: str
    level: str
    line: str


class GaveUp(Exception):
    """Say that the board is told nothing more, and why."""


class Report:
    """Tell a board of one command: its lines in batches, its progress as a job, its end as a notification.

    stop: called once, in a thread of its own, when somebody cancels the job. All threads are daemons: nobody waits for
    a board that hangs.
    """

    def __init__(self, board: Board, name: str, source: str, stop: Callable[[], None]) -> None:
        self.lines = Lines()
        self.cancelled = False
        self._board, self._name, self._source, self._stop = board, name, source, stop
        self._job: int | None = None
        self._told: tuple[float, int] = (0.0, -1)  # when the job was told of last, and how many lines
        self._over = threading.Event()
        self._end = End("", "", "")
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def end(self, end: End) -> None:
        """Tell the end, and return when the board has taken it, or has taken too long."""
        self._end = end
        self._deadline = time.monotonic() + LAST_SECONDS
        self._over.set()
        self._thread.join(LAST_SECONDS)
        if self._thread.is_alive():
            self._give_up(f"{self._board.url} does not answer in time")

    def _run(self) -> None:
        try:
            self._job = self._post("/jobs", {"name": self._name}, patient=False).get("id")
            while not self._over.wait(PAUSE_SECONDS):
                if batch := self.lines.batch():  # one at a time: however much is said, the rate limit is not reached
                    self._log(batch, "info")
                self._tell_job()
            while batch := self.lines.batch(last=True):
                self._log(batch, "info")
            self._tell_end(self._end)
        except GaveUp as fault:
            self._give_up(str(fault))

    def _give_up(self, why: str) -> None:
        if self.lines.close():
            print(f"tidewire: {why}; it is told no more of this command", file=sys.stderr, flush=True)

    def _log(self, lines: list[str], level: str) -> None:
        self._post("/log", {"source": self._source, "lines": [{"level": level, "line": line} for line in lines]})

    def _tell_job(self) -> None:
        at, count = self._told
        if time.monotonic() - at > (NEWS_SECONDS if count != self.lines.count else LOOK_SECONDS):
            self._told = time.monotonic(), self.lines.count
            self._update(message=self.lines.newest[:MESSAGE_LENGTH])

    def _tell_end(self, end: End) -> None:
        self._log([end.line], "info" if end.level == "success" else end.level)
        self._update(message=end.line, state=end.state)
        self._post("/notifications", {"message": f"{self._name}: {end.line}", "level": end.level})

    def _update(self, **said: str) -> None:
        """Say how the job is, and hear whether it was cancelled."""
        if self._job is None:
            return
        try:
            self._send(f"/jobs/{self._job}", {"done": self.lines.count, **said}, key="")
        except Refused as fault:
            self._job = None  # it has ended, or was deleted
            if fault.answer.get("cancelled"):
                self.cancelled = True
                threading.Thread(target=self._stop, daemon=True).start()

    def _post(self, path: str, data: dict[str, Any], *, patient: bool = True) -> dict[str, Any]:
        try:
            return self._send(path, data, key=secrets.token_hex(8), patient=patient)
        except Refused as fault:
            raise GaveUp(fault) from fault

    def _send(self, path: str, data: dict[str, Any], *, key: str, patient: bool = True) -> dict[str, Any]:
        """Send until it is taken or refused; raise GaveUp where the board stays away."""
        until, wait = time.monotonic() + (PATIENCE_SECONDS if patient else 0.0), WAIT_SECONDS[0]
        while True:
            try:
                return self._board.post(path, data, key=key)
            except Unreachable as fault:
                if time.monotonic() + wait > min(until, self._deadline):
                    raise GaveUp(fault) from fault
            except Refused as fault:
                if fault.status not in BUSY:
                    raise
                wait = max(wait, fault.seconds)
                if time.monotonic() + wait > self._deadline:
                    raise GaveUp(fault) from fault
            except BoardError as fault:
                raise GaveUp(fault) from fault
            (time.sleep if self._over.is_set() else self._over.wait)(wait)
            wait = min(2 * wait, WAIT_SECONDS[1])
