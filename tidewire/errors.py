"""Everything Tidewire raises.

TidewireError
├── BadMessage       a name, id, retry or component that cannot be put on the wire   (also a ValueError)
├── BadStream        something that is no async generator was given as a stream      (also a TypeError)
└── StartupError     the app cannot start; its text is one line for a person to read
"""


class TidewireError(Exception):
    """Be the root of everything this package raises."""


class BadMessage(TidewireError, ValueError):
    """Say that a name, id, retry or component cannot be put on the wire."""


class BadStream(TidewireError, TypeError):
    """Say that something other than an async generator was given as a stream."""


class StartupError(TidewireError):
    """Say in one line why the app cannot start: what came, what was expected."""
