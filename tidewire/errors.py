"""Everything Tidewire raises.

TidewireError
├── BadMessage       a name, id, retry or component that cannot be put on the wire   (also a ValueError)
├── BadStream        something that is no async generator was given as a stream      (also a TypeError)
├── BadPayload       a payload that breaks its topic's contract                       (also a ValueError)
├── EventTooLarge    an event over 1 MiB                                              (also a ValueError)
├── BadRequest       a query that makes no sense                                       (also a ValueError)
├── UnknownTopic     a name that no topic has                                         (also a LookupError)
├── JournalError     the journal refused
│   └── JournalUnavailable   locked, full, unwritable, corrupt, replaced or closed: nothing was stored
└── StartupError     the app cannot start; its text is one line for a person to read
"""

from collections.abc import Sequence


class TidewireError(Exception):
    """Be the root of everything this package raises."""


class BadMessage(TidewireError, ValueError):
    """Say that a name, id, retry or component cannot be put on the wire."""


class BadStream(TidewireError, TypeError):
    """Say that something other than an async generator was given as a stream."""


class BadPayload(TidewireError, ValueError):
    """Say which field of a payload breaks its contract, and how."""


class EventTooLarge(TidewireError, ValueError):
    """Say that an event is larger than a journal and a page should bear."""


class BadRequest(TidewireError, ValueError):
    """Say what of a request makes no sense."""


class UnknownTopic(TidewireError, LookupError):
    """Say that no topic has this name; `topics` are those that exist."""

    def __init__(self, name: str, topics: Sequence[str]) -> None:
        self.name = name
        self.topics = sorted(topics)
        super().__init__(f"no topic {name!r}; there are: {', '.join(self.topics)}")


class JournalError(TidewireError):
    """Say why the journal refused."""


class JournalUnavailable(JournalError):
    """Say in one line what happened to the journal, what to do, and which file it is."""


class StartupError(TidewireError):
    """Say in one line why the app cannot start: what came, what was expected."""
