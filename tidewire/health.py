"""What the open connections of a process are and do, told when somebody asks."""

import heapq
import os
import time
from collections.abc import Collection
from typing import Any

from tidewire.connection import Connection
from tidewire.tally import Tally


def health(connections: Collection[Connection], most: int | None = None) -> dict[str, Any]:
    """Describe open connections, oldest first, each link with its subscriptions.

    most: describe no more than this many, the newest.
    """
    now = time.monotonic()
    own = [connection for connection in connections if connection.link is None]
    carried = [connection for connection in connections if connection.link is not None]
    shown = own if most is None else heapq.nlargest(most, own, key=_opened)
    described = {connection: connection.describe(now) for connection in sorted(shown, key=_opened)}
    for connection in sorted(carried, key=_opened):
        if connection.link in described:
            described[connection.link].setdefault("subscriptions", []).append(connection.describe(now))
    return {
        "process": os.getpid(),
        "active_connections": len(own),
        "subscriptions": len(carried),
        "connections": list(described.values()),
    }


def figures(connections: Collection[Connection], ended: Tally) -> dict[str, float]:
    """Tell what open connections are now, and what they and those that have ended have done in all."""
    now = time.monotonic()
    current = Tally()
    for connection in connections:
        current.take(connection, now)
    return {
        "connections": current.connections,
        "streams": current.streams,
        "parked": current.parked,
        "connections_opened": ended.connections + current.connections,
        "connection_seconds": ended.seconds + current.seconds,
        "streams_opened": ended.streams + current.streams,
        "events": ended.events + current.events,
        "bytes": ended.bytes + current.bytes,
        "errors": ended.errors + current.errors,
        "reconnects": ended.reconnects,
    }


def _opened(connection: "Connection") -> float:
    return connection.opened
