"""What every journal does in the same way."""

import inspect
from collections.abc import Callable, Iterable
from itertools import islice

from tidewire.journal import Entry, T, Tx


def run_sync(fn: Callable[[Tx], T], tx: Tx) -> T:
    """Call `fn(tx)`; refuse a result that has yet to be awaited, which would run outside the change."""
    result = fn(tx)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError(f"change() needs a plain function, got the async {name_of(fn)}: make it `def`")
    return result


def name_of(fn: Callable[..., object]) -> str:
    """Name a function for an error message."""
    return str(getattr(fn, "__qualname__", fn))


def newest(descending: Iterable[Entry], limit_count: int, limit_bytes: int) -> list[Entry]:
    """Take entries, newest first, while both limits allow, and return them ascending."""
    taken: list[Entry] = []
    for entry in islice(descending, limit_count):
        limit_bytes -= len(entry.data)
        if limit_bytes < 0:
            break
        taken.append(entry)
    return taken[::-1]
