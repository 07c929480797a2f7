"""Live hypermedia for FastHTML, Starlette and FastAPI: server-sent events that lose and double nothing."""

from tidewire.errors import BadMessage, BadStream, StartupError, TidewireError
from tidewire.events import comment, markup, sse_message
from tidewire.every import every, off_grid
from tidewire.layer import Tidewire
from tidewire.routes import PerTab, per_tab, stream_routes
from tidewire.stream import EventStream

__all__ = [
    "BadMessage",
    "BadStream",
    "EventStream",
    "PerTab",
    "StartupError",
    "Tidewire",
    "TidewireError",
    "comment",
    "every",
    "markup",
    "off_grid",
    "per_tab",
    "sse_message",
    "stream_routes",
]
