"""Forget old events, a little at a time."""

import logging
import time
from collections.abc import Callable
from itertools import takewhile

from tidewire.journal import RetentionRule
from tidewire.journal.sqlite_file import Connection

STEP = 500  # rows deleted in one transaction: a few milliseconds
PAUSE_SECONDS = 0.002  # between steps, so that publishers come first
EPHEMERAL_SECONDS = 5.0  # every process of the machine has polled hundreds of times by then

_NEVER = 1 << 62
_log = logging.getLogger("tidewire.journal")


class Sweeper:
    """Go through the topics every `every` seconds, one topic and at most STEP rows a step.

    Only while `keeper()` is true: one process of a machine is enough. Runs in the journal's thread between
    groups; `wait` says in how many seconds it has something to do.
    """

    def __init__(self, retention: RetentionRule, keeper: Callable[[], bool], every: float) -> None:
        self._retention = retention
        self._keeper = keeper
        self._every = every
        self._due = time.monotonic() + min(every, 1.0)
        self._done_topic = ""  # the sweep has come as far as this topic

    def wait(self) -> float:
        """Return the seconds until the next step is due."""
        return max(0.0, self._due - time.monotonic())

    def step(self, connection: Connection) -> None:
        """Take the next step if it is due."""
        if self.wait() > 0:
            return
        self._due = time.monotonic() + PAUSE_SECONDS
        topic = None
        if self._keeper():
            if not self._done_topic:
                _forget_ephemeral(connection)
            topic = connection.one("SELECT min(topic) FROM tidewire_events WHERE topic > ?", (self._done_topic,))
        if topic is None:
            self._done_topic = ""
            self._due += self._every
        elif self._forget(connection, topic) < STEP:
            self._done_topic = topic

    def _forget(self, connection: Connection, topic: str) -> int:
        try:
            rule = self._retention(topic)
        except Exception:
            _log.exception("no retention for topic %r: all of it is kept", topic)
            return 0
        keep_from = _NEVER
        if rule.count:
            nth = "SELECT sequence FROM tidewire_events WHERE topic = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?"
            keep_from = connection.one(nth, (topic, rule.count - 1)) or 0
        limit = time.time() - rule.age if rule.age is not None else 0.0
        oldest = connection.execute(
            "SELECT sequence, time FROM tidewire_events WHERE topic = ? ORDER BY sequence LIMIT ?", (topic, STEP)
        )
        gone = list(takewhile(lambda row: row[0] < keep_from or row[1] < limit, oldest))
        oldest.close()
        if gone:
            floor = gone[-1][0]
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM tidewire_events WHERE topic = ? AND sequence <= ?", (topic, floor))
            connection.execute(
                "INSERT INTO tidewire_floors VALUES (?, ?) "
                "ON CONFLICT (topic) DO UPDATE SET sequence = max(sequence, excluded.sequence)",
                (topic, floor),
            )
            connection.execute("COMMIT")
        return len(gone)


def _forget_ephemeral(connection: Connection) -> None:
    limit = (time.time() - EPHEMERAL_SECONDS,)
    if connection.one("SELECT 1 FROM tidewire_ephemeral WHERE time < ? LIMIT 1", limit):
        connection.execute("DELETE FROM tidewire_ephemeral WHERE time < ?", limit)
