"""The hub's window: the newest messages in memory, so that nearly everybody who is behind needs no journal."""

from bisect import bisect_right
from collections.abc import Callable, Collection
from typing import Any

from tidewire.drawing import draw_html, draw_json
from tidewire.journal import Entry
from tidewire.topics import Topic

_OVERHEAD = 400  # bytes of a message beside its payload and its drawings


class Message:
    """An event drawn and encoded, for HTML and for JSON, each when somebody first needs it."""

    __slots__ = ("entry", "html", "id", "json", "topic")

    def __init__(self, entry: Entry, topic: Topic[Any], event_id: str) -> None:
        self.entry = entry
        self.topic = topic
        self.id = event_id
        self.html: bytes | None = None
        self.json: bytes | None = None

    @property
    def size(self) -> int:
        """How many bytes of memory it takes, about."""
        return _OVERHEAD + len(self.entry.data) + len(self.html or b"") + len(self.json or b"")


class Window:
    """A bounded run of the newest messages, by count and by bytes.

    floor: every durable event after this sequence, of all topics, is in the window.
    """

    def __init__(self, count: int, size: int) -> None:
        self.messages: list[Message] = []
        self.floor = 0
        self._count = count
        self._size = size
        self.size = 0

    def add(self, message: Message) -> None:
        """Take in the newest message, and let go of the oldest."""
        self.messages.append(message)
        self.grow(message.size)

    def grow(self, size: int) -> None:
        """Count `size` bytes more: a message has come, or has been drawn."""
        self.size += size
        while self.messages and (self.size > self._size or len(self.messages) > self._count):
            oldest = self.messages.pop(0)
            self.size -= oldest.size
            self.floor = oldest.entry.sequence

    def after(self, sequence: int, upto: int) -> list[Message]:
        """List the messages after one sequence up to another."""
        key: Callable[[Message], int] = lambda message: message.entry.sequence  # noqa: E731
        return self.messages[
            bisect_right(self.messages, sequence, key=key) : bisect_right(self.messages, upto, key=key)
        ]


class Painter:
    """Draw messages: each event once, whoever needs it, and once more for those who come from the journal."""

    def __init__(self, drew: Callable[[int], None], failed: Callable[[Message, Exception], None]) -> None:
        self._drew = drew
        self._failed = failed

    def draw(self, message: Message, form: str) -> bytes:
        """Draw a message in the form "html" or "json", or return what was drawn before."""
        drawn = message.html if form == "html" else message.json
        if drawn is None:
            drawn = self.draw_history(message, form)
            if form == "html":
                message.html = drawn
            else:
                message.json = drawn
            self._drew(len(drawn))
        return drawn

    def draw_history(self, message: Message, form: str) -> bytes:
        """Draw a message that is not in the window, and that nobody else will need."""
        draw = draw_html if form == "html" else draw_json
        try:
            return draw(message.topic, message.entry, message.id)
        except Exception as fault:
            # One event that cannot be drawn must not stop the others: it is skipped, and its topic drawn whole.
            self._failed(message, fault)
            return b""


def worth_telling(messages: Collection[Message]) -> list[Message]:
    """Leave out, of topics that keep the latest only, all but the newest message."""
    newest = {m.entry.topic: m for m in messages if m.topic.keep == "latest"}
    return [m for m in messages if m.topic.keep == "all" or newest[m.entry.topic] is m]
