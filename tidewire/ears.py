"""Ears: whoever in this process hears the events of a topic as they come, the ephemeral ones too."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from tidewire.window import Message

WAITING = 1_000  # messages; whoever is slower misses the oldest


class Ears:
    """Queues, by topic."""

    def __init__(self) -> None:
        self._queues: dict[str, list[asyncio.Queue[Message]]] = {}

    def hear(self, message: Message) -> None:
        """Put a message where its topic is listened to."""
        for queue in self._queues.get(message.entry.topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    async def listen(self, topics: Sequence[str]) -> AsyncGenerator[Message, None]:
        """Yield the messages of these topics as they come, while this is iterated."""
        queue: asyncio.Queue[Message] = asyncio.Queue(WAITING)
        for name in topics:
            self._queues.setdefault(name, []).append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            for name in topics:
                self._queues[name].remove(queue)
