"""Live hypermedia for FastHTML, Starlette and FastAPI: server-sent events that lose and double nothing."""

from tidewire.errors import (
    BadMessage,
    BadPayload,
    BadStream,
    EventTooLarge,
    JournalUnavailable,
    StartupError,
    TidewireError,
    UnknownTopic,
)
from tidewire.event_stream import EventStream
from tidewire.events import comment, markup, sse_message
from tidewire.every import every, off_grid
from tidewire.follow import follow
from tidewire.hub import Change, Hub
from tidewire.journal import Retention
from tidewire.layer import Tidewire
from tidewire.routes import PerTab, per_tab, stream_routes
from tidewire.scripts import SCRIPTS
from tidewire.topics import Event, Topic, Topics, topic

__all__ = [
    "SCRIPTS",
    "BadMessage",
    "BadPayload",
    "BadStream",
    "Change",
    "Event",
    "EventStream",
    "EventTooLarge",
    "Hub",
    "JournalUnavailable",
    "PerTab",
    "Retention",
    "StartupError",
    "Tidewire",
    "TidewireError",
    "Topic",
    "Topics",
    "UnknownTopic",
    "comment",
    "every",
    "follow",
    "markup",
    "off_grid",
    "per_tab",
    "sse_message",
    "stream_routes",
    "topic",
]
