"""The output of a command, on its way to where ours goes."""

import contextlib
import os
import select
import sys
from collections.abc import Callable

CHUNK = 64 * 1024  # bytes


class Output:
    """One output: what the command writes to `writing` goes on to our file descriptor `ours`, byte for byte.

    Where ours is a terminal, the command is given one too, or it would print without colours and in large blocks.
    """

    def __init__(self, ours: int) -> None:
        self.ours = ours
        self.reading, self.writing = _terminal(ours) if os.isatty(ours) else os.pipe()

    @classmethod
    def both(cls) -> list["Output"]:
        """Make those for stdout and stderr: one where they are one, so that what is in them keeps its order."""
        out, err = sys.__stdout__, sys.__stderr__
        assert out is not None
        assert err is not None
        if os.path.sameopenfile(out.fileno(), err.fileno()):
            return [cls(out.fileno())]
        return [cls(out.fileno()), cls(err.fileno())]

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


def _terminal(like: int) -> tuple[int, int]:
    """Open a terminal of the same size, which changes nothing of what is written to it."""
    if not hasattr(os, "openpty"):  # Windows
        return os.pipe()
    import termios

    reading, writing = os.openpty()
    modes = termios.tcgetattr(writing)
    modes[1] &= ~termios.OPOST  # ours does that
    termios.tcsetattr(writing, termios.TCSANOW, modes)
    with contextlib.suppress(OSError):
        termios.tcsetwinsize(writing, termios.tcgetwinsize(like))
    return reading, writing
