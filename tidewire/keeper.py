"""The keeper: of all processes on one machine, the one that does what must be done once."""

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a board is one process
    fcntl = None  # type: ignore[assignment]


class Keeper:
    """Tell whether this process holds the lock on a file; the kernel hands it on when the holder dies.

    Ask each time: `if keeper(): ...`. The first to ask gets the lock, and keeps it until it closes or ends.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._file: int | None = None

    def __call__(self) -> bool:
        """Take the lock if it is free; tell whether this process has it."""
        if self._file is not None or fcntl is None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def close(self) -> None:
        """Let the lock go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
