"""What each process of a board reports of its connections: the contract of the stream of connections."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, Field

SHOWN = 100  # connections of a process, the newest
ADDRESSES = 40  # of a connection's streams; a report has to fit an event, however many a link carries
OTHERS = "other streams"


class Figures(BaseModel):
    """What the streams of one process, or of all together, are now and did since it began."""

    connections: int = Field(default=0, description="open connections")
    streams: int = Field(default=0, description="streams on them: a link carries many")
    parked: int = Field(default=0, description="connections whose client takes nothing at present")
    connections_opened: int = Field(default=0, description="connections so far, those that are open among them")
    connection_seconds: float = Field(default=0.0, description="how long all connections so far were open, in seconds")
    streams_opened: int = Field(default=0, description="streams so far, those that are open among them")
    events: int = Field(default=0, description="events sent on streams, each to each client")
    bytes: int = Field(default=0, description="bytes sent on connections")
    errors: int = Field(default=0, description="streams that failed")
    reconnects: int = Field(default=0, description="streams that came back with a Last-Event-ID")
    resets: int = Field(default=0, description="clients that were given the present state, as they could not catch up")
    parked_so_far: int = Field(default=0, description="times that a client was too slow, and was parked")

    @property
    def average_seconds(self) -> float:
        """How long a connection was open, on average; of those that are open, so far."""
        return self.connection_seconds / max(1, self.connections_opened)

    @property
    def error_rate(self) -> float:
        """The part of all streams so far that failed: 0 to 1."""
        return self.errors / max(1, self.streams_opened)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in Figures.model_fields})


class Process(BaseModel):
    """A process of the board; None is what its system does not tell."""

    worker: str = Field(description="its name, which no other has had")
    pid: int = Field(description="its process id")
    since: datetime = Field(description="when it began (UTC)")
    memory: int | None = Field(description="bytes of memory that it holds")
    cpu: float | None = Field(description="share of one processor that it took of late: 0 to 1")
    cpu_seconds: float = Field(description="processor time that it has taken, in seconds")
    files: int | None = Field(description="open file descriptors")


class StreamOn(BaseModel):
    """The streams of one address on a connection: a link has one for each tab that wants it."""

    path: str = Field(description=f"their address; of those beyond {ADDRESSES} addresses, {OTHERS!r}")
    number: int = Field(default=1, description="how many they are")
    events: int = Field(default=0, description="events sent on all of them")
    behind: int = Field(default=0, description="events that are still to be sent on that one which is behind most")


class Connection(BaseModel):
    """An open connection: a stream of its own, or a link with its streams."""

    id: str = Field(description="its name in its process")
    worker: str = Field(description="the process that holds it")
    client: str | None = Field(description="the address of its client")
    since: datetime = Field(description="when it was opened (UTC)")
    link: bool = Field(description="whether it is one that carries many streams")
    streams: list[StreamOn] = Field(description="what is streamed on it, by address")
    bytes: int = Field(description="bytes sent")
    errors: int = Field(description="its streams that failed")
    parked: bool = Field(description="whether its client takes nothing at present")

    @property
    def events(self) -> int:
        """How many events were sent."""
        return sum(stream.events for stream in self.streams)

    @property
    def behind(self) -> int:
        """By how many events it is behind at most."""
        return max((stream.behind for stream in self.streams), default=0)


class Report(BaseModel):
    """What one process tells of itself."""

    process: Process = Field(description="what it takes of the machine")
    figures: Figures = Field(description="its streams in numbers")
    connections: list[Connection] = Field(description=f"its open connections, the newest {SHOWN}, oldest first")


def total(reports: Iterable[Report]) -> Figures:
    """Add up the figures of all processes."""
    return sum((report.figures for report in reports), Figures())


def connections_of(reports: Iterable[Report]) -> list[Connection]:
    """List the connections of all processes, the oldest first."""
    return sorted((one for report in reports for one in report.connections), key=lambda one: one.since)
