"""What this process takes of its machine; None where the system does not tell."""

import os
import time
from pathlib import Path

FILES = (Path("/proc/self/fd"), Path("/dev/fd"))  # Linux, macOS


def memory() -> int | None:
    """Count the bytes of memory it holds (Linux)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def files() -> int | None:
    """Count its open file descriptors, without the one that counting takes."""
    for folder in FILES:
        try:
            return len(os.listdir(folder)) - 1  # noqa: PTH208 - names alone, of maybe 10,000
        except OSError:
            continue
    return None


class Processor:
    """The share of one processor that this process took between two askings."""

    def __init__(self) -> None:
        self._asked = time.monotonic(), time.process_time()
        self._share: float | None = None

    def __call__(self) -> float | None:
        """Tell the share since the last asking, or that one's where it was just now; None at first."""
        now, taken = time.monotonic(), time.process_time()
        since, before = self._asked
        if now - since >= 0.2:
            self._asked = now, taken
            self._share = max(0.0, taken - before) / (now - since)
        return self._share
