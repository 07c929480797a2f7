"""Topic streams: the responses that carry a client's topics."""

import asyncio

from starlette.types import Receive, Scope, Send

from tidewire.catchup import UNKNOWN
from tidewire.hub import Hub
from tidewire.stream import Stream
from tidewire.subscriber import Subscriber


class TopicStream(Stream):
    """Stream topics to one client: what it has missed since its cursor, then live.

    cursors: what the client says it has seen, as `last_event_id` lists it; without any it starts now.
    """

    def __init__(self, hub: Hub, topics: frozenset[str], form: str, cursors: list[str]) -> None:
        super().__init__()
        known = (sequence for text in cursors if (sequence := hub.sequence_of(text)) is not None)
        self.hub = hub
        self.topics = topics
        self.form = form
        self.cursor = next(known, UNKNOWN) if cursors else hub.delivered
        self.starts_now = not cursors
        self.subscriber: Subscriber | None = None

    def opening(self) -> str:
        """Tell whoever has no cursor where it starts.

        Else a client that is cut before its first event would start now again, and miss what was in between.
        """
        start = f"id: {self.hub.id_of(self.cursor)}\n" if self.starts_now else ""
        return start + super().opening()

    def connect(self, scope: Scope, send: Send) -> Subscriber:
        """Make the subscriber, and let go of what was needed up to now: this object lives as long as the stream."""
        self.subscriber = Subscriber(scope, send, self.hub, self.topics, self.form, self.cursor)
        del self.topics, self.raw_headers
        return self.subscriber

    async def speak(self, connection: Subscriber, receive: Receive) -> None:
        """Have it catch up and join the others, and wait until the client leaves."""
        connection.begin()
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
            connection.end("left")
        except asyncio.CancelledError:
            if connection.fault is None:
                raise
            if connection.task is not None:
                connection.task.uncancel()
            raise connection.fault from None

    async def discard(self) -> None:
        """Leave the group."""
        if self.subscriber is not None:
            self.subscriber.close()
            self.subscriber = None
