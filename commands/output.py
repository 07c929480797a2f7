"""The output of a command, on its way to where ours goes."""

import contextlib
import os
import select
import sys
from collections.abc import Callable

CHUNK = 64 * 1024  # bytes
_OURS = sys.__stdout__, sys.__stderr__


class Output:
    """One output: what the command writes to `writing` goes on to our file descriptor `ours`, byte for byte.

    Where ours is a terminal, the command is given one too, or it would print without colours and in large blocks.
    """

    def __init__(self, ours: int) -> None:
        self.ours = ours
        self._like_ours = hasattr(os, "openpty") and os.isatty(ours)  # Windows has no such terminals
        self.reading, self.writing = _terminal() if self._like_ours else os.pipe()
        self.resize()

    @classmethod
    def both(cls) -> list["Output"]:
        """Make those for stdout and stderr: one where they are one, so that what is in them keeps its order."""
        # Whoever has closed one of ours gives it nothing to say.
        out, err = (os.open(os.devnull, os.O_WRONLY) if one is None else one.fileno() for one in _OURS)
        return [cls(out)] if os.path.sameopenfile(out, err) else [cls(out), cls(err)]

    def resize(self) -> None:
        """Make the command's terminal as large as ours."""
        if self._like_ours:
            import termios  # not on Windows

            with contextlib.suppress(OSError, termios.error):
                termios.tcsetwinsize(self.reading, termios.tcgetwinsize(self.ours))

    def pump(self, also: Callable[[bytes, int], None]) -> None:
        """Pass on all that is written until nobody holds the other end; `also` is given it too, and ours."""
        os.close(self.writing)  # the command has its own
        with contextlib.suppress(OSError):  # a terminal whose other end is closed; or nobody reads ours any more
            while chunk := os.read(self.reading, CHUNK):
                _write(self.ours, chunk)
                also(chunk, self.ours)
        os.close(self.reading)  # and the command is told so, as it would be by ours: SIGPIPE


def _write(to: int, chunk: bytes) -> None:
    while chunk:
        try:
            chunk = chunk[os.write(to, chunk) :]
        except BlockingIOError:  # somebody who shares it with us has made it so
            select.select([], [to], [])


def _terminal() -> tuple[int, int]:
    """Open a terminal that changes nothing of what is written to it: ours does that."""
    import termios

    reading, writing = os.openpty()
    modes = termios.tcgetattr(writing)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(writing, termios.TCSANOW, modes)
    return reading, writing
