"""Following: topics in a generator of one's own, which says more than they do, and yet misses nothing of them."""

from collections.abc import AsyncIterator
from typing import Any

from tidewire.hub import Hub
from tidewire.topics import Event
from tidewire.window import Message, worth_telling


async def follow(hub: Hub, *topics: str, after: str = "") -> AsyncIterator[tuple[Event[Any] | None, bytes]]:
    """Yield each event of these topics with its message, which is drawn once for everybody and bears its id.

    after: a cursor, as a generator's parameter `after` is; "" starts now. Where the window does not reach back to it,
    or this reader has been slower than the window is wide, the topics are drawn whole: then the event is None.
    Ephemeral events are not among them.
    """
    wanted = frozenset(name for name in topics if hub.check(name))
    cursor = hub.sequence_of(after) if after else hub.flushed
    while True:
        if cursor is None or not max(hub.window.floor, hub.opened) <= cursor <= hub.delivered:
            # What the window has of the time before this process is a tail of the journal, thinned by retention.
            chunk, cursor = await hub.resets.of(wanted, "html")
            yield None, chunk + f"id: {hub.id_of(cursor)}\n\n".encode()
        elif cursor >= hub.flushed:
            await hub.turn()
        else:
            messages, cursor = hub.window.after(cursor, hub.flushed), hub.flushed
            for message in worth_telling([m for m in messages if m.entry.topic in wanted]):
                told = _read(hub, message)
                if told is None:
                    cursor = None  # it cannot be drawn: the snapshot shows what it did
                    break
                yield told


def _read(hub: Hub, message: Message) -> tuple[Event[Any], bytes] | None:
    chunk = hub.painter.draw(message, "html")
    return (message.topic.event_of(message.entry, message.id), chunk) if chunk is not None else None
