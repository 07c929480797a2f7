"""What the streams of a process have done: counted when one ends, and of the open ones when somebody asks.

So counting costs an event nothing, and an idle stream no memory.
"""

from typing import Protocol


class Counted(Protocol):
    """A connection as the tally sees it."""

    opened: float
    errors: int
    writing: int
    carries: bool

    @property
    def link(self) -> object:
        """What carries it, if it is a subscription."""

    def counted(self) -> tuple[int, int]:
        """Count the events and bytes sent."""


class Tally:
    """Figures of connections, and of the streams on them: a link is no stream, a subscription no connection.

    connections, streams: how many. seconds: that connections were open, in all. events: sent on streams. bytes: sent on
    connections. errors: streams that failed. parked: connections whose client takes nothing now. reconnects: streams
    whose client said by Last-Event-ID where it had been; the registry counts them.
    """

    __slots__ = ("bytes", "connections", "errors", "events", "parked", "reconnects", "seconds", "streams")

    def __init__(self) -> None:
        self.connections = self.streams = self.events = self.bytes = self.errors = self.parked = self.reconnects = 0
        self.seconds = 0.0

    def take(self, connection: Counted, now: float) -> None:
        """Count a connection in; `now` in monotonic seconds."""
        events, size = connection.counted()
        if connection.link is None:
            self.connections += 1
            self.seconds += now - connection.opened
            self.bytes += size
            self.parked += connection.writing > 0
        if not connection.carries:
            self.streams += 1
            self.events += events
        self.errors += connection.errors
