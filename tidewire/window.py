"""The hub's window: the newest messages in memory, so that nearly everybody who is behind needs no journal."""

import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any

from tidewire.drawing import draw_html, draw_json
from tidewire.journal import Entry
from tidewire.topics import Topic

log = logging.getLogger("tidewire")

_OVERHEAD = 400  # bytes of a message beside its payload and its drawings


class Message:
    """An event drawn and encoded, for HTML and for JSON, each when somebody first needs it."""

    __slots__ = ("entry", "html", "id", "json", "topic", "undrawable")

    def __init__(self, entry: Entry, topic: Topic[Any], event_id: str) -> None:
        self.entry = entry
        self.topic = topic
        self.id = event_id
        self.html: bytes | None = None
        self.json: bytes | None = None
        self.undrawable = False

    @property
    def size(self) -> int:
        """How many bytes of memory it takes, about."""
        return _OVERHEAD + len(self.entry.data) + len(self.html or b"") + len(self.json or b"")


class Window:
    """A bounded run of the newest messages, by count and by bytes.

    floor: every durable event after this sequence, of all topics, is in the window.
    """

    def __init__(self, count: int, size: int) -> None:
        self.floor = 0
        self.count = count
        self.bytes = size
        self.size = 0
        self._messages: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def start(self, floor: int) -> None:
        """Begin anew after this sequence."""
        self._messages.clear()
        self.size, self.floor = 0, floor

    def add(self, message: Message) -> None:
        """Take in the newest message, and let go of the oldest."""
        self._messages.append(message)
        self.size += message.size
        self._bound()

    def grew(self, message: Message, size: int) -> None:
        """Count `size` bytes more if the message is here: it has been drawn."""
        if message.entry.sequence > self.floor:  # 0 if it is ephemeral
            self.size += size
            self._bound()

    def after(self, sequence: int, upto: int) -> list[Message]:
        """List the messages after one sequence up to another."""
        key: Callable[[Message], int] = lambda message: message.entry.sequence  # noqa: E731
        first = bisect_right(self._messages, sequence, key=key)
        return list(islice(self._messages, first, bisect_right(self._messages, upto, first, key=key)))

    def _bound(self) -> None:
        while self._messages and (self.size > self.bytes or len(self._messages) > self.count):
            oldest = self._messages.popleft()
            self.size -= oldest.size
            self.floor = oldest.entry.sequence


class Painter:
    """Draw messages, each once, whoever needs it."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._reported: deque[str] = deque(maxlen=1_000)  # ids: history is drawn anew for each who is behind

    def drawn(self, message: Message, form: str) -> bool:
        """Tell whether `draw` costs nothing."""
        return message.undrawable or (message.html if form == "html" else message.json) is not None

    def draw(self, message: Message, form: str) -> bytes | None:
        """Draw a message in the form "html" or "json"; None where it cannot be: whoever misses it needs a reset."""
        if form == "json":
            if message.json is None:
                message.json = draw_json(message.topic, message.entry, message.id)
                self._window.grew(message, len(message.json))
            return message.json
        if message.html is None and not message.undrawable:
            try:
                message.html = draw_html(message.topic, message.entry, message.id)
                self._window.grew(message, len(message.html))
            except Exception as fault:  # one event that cannot be drawn must not stop the others
                self._report(message, fault)
                if message.entry.ephemeral:
                    message.html = b""  # a snapshot does not show what was never kept
                else:
                    message.undrawable = True
        return message.html

    def _report(self, message: Message, fault: Exception) -> None:
        if message.entry.ephemeral or message.id not in self._reported:
            self._reported.append(message.id)
            log.error(
                "event %s of topic %s cannot be drawn: it is skipped", message.id, message.entry.topic, exc_info=fault
            )


def worth_telling(messages: Collection[Message]) -> list[Message]:
    """Leave out, of topics that keep the latest only, all but the newest message."""
    newest = {m.entry.topic: m for m in messages if m.topic.keep == "latest"}
    return [m for m in messages if m.topic.keep == "all" or newest[m.entry.topic] is m]
