"""The lines of a command, on their way to the board: bounded, whatever the board does."""

import threading
from collections import deque

from components.plain import one_line

WAITING_BYTES = 1024 * 1024  # of output that is yet to be parted into lines; what comes beyond is only counted
WAITING_LINES = 10_000  # that are yet to be sent; beyond, the oldest are dropped
BATCH_LINES = 1000
BATCH_CHARACTERS = 150_000  # each is at most 6 bytes of JSON: a request may have 1 MiB
LONGEST_LINE = 4000  # characters


class Lines:
    """Take output from any thread, which never waits; give it as batches of lines to one."""

    def __init__(self) -> None:
        self.count = 0
        self.newest = ""
        self._lock = threading.Lock()
        self._chunks: list[tuple[int, bytes]] = []
        self._size = 0
        self._full = False  # from the first chunk that finds no room to the next batch, nothing is taken
        self._skipped = 0  # lines in what was not
        self._closed = False
        self._begun: dict[int, bytes] = {}  # the beginning of a line, for each output
        self._lines: deque[str] = deque()

    def take(self, chunk: bytes, output: int = 1) -> None:
        """Take what came from an output, as far as there is room for it."""
        with self._lock:
            self._full = self._full or self._closed or self._size + len(chunk) > WAITING_BYTES
            if self._full:
                self._skipped += chunk.count(b"\n")
            else:
                self._chunks.append((output, chunk))
                self._size += len(chunk)

    def close(self) -> bool:
        """Take no more; tell whether anything was taken until now."""
        with self._lock:
            was, self._closed = self._closed, True
            self._chunks = []
        self._lines.clear()
        return not was

    def batch(self, *, last: bool = False) -> list[str]:
        """Give lines for one request, or none; the `last` ones of all need not be ended."""
        self._part(last)
        batch: list[str] = []
        size = 0
        while self._lines and len(batch) < BATCH_LINES and size < BATCH_CHARACTERS:
            batch.append(self._lines.popleft())
            size += len(batch[-1])
        return batch

    def _part(self, last: bool) -> None:
        with self._lock:
            chunks, self._chunks, self._size = self._chunks, [], 0
            skipped, full, self._skipped, self._full = self._skipped, self._full, 0, False
        whole: list[bytes] = []
        for output, chunk in chunks:
            *ended, begun = (self._begun.get(output, b"") + chunk).split(b"\n")
            whole += ended
            if len(begun) > 4 * LONGEST_LINE:
                whole, begun = [*whole, begun], b""
            self._begun[output] = begun
        if full:
            self._begun = {}  # what is taken next does not go on from there
        if last:
            whole += filter(None, self._begun.values())
            self._begun = {}
        self._keep([line.decode(errors="replace")[:LONGEST_LINE] for line in whole], skipped)

    def _keep(self, lines: list[str], skipped: int) -> None:
        self.count += len(lines) + skipped
        self.newest = next((str(one_line(line)).strip() for line in reversed(lines) if line.strip()), self.newest)
        dropped = max(0, len(self._lines) + len(lines) - WAITING_LINES)
        for _ in range(min(dropped, len(self._lines))):
            self._lines.popleft()
        self._lines.extend(lines[-WAITING_LINES:])
        if skipped + dropped:
            self._lines.append(f"… {skipped + dropped:,} lines left out: they came faster than the board took them")
