"""Draw an event: run its topic's generator over it, in one synchronous step."""

import re
from collections.abc import AsyncIterator
from typing import Any

from tidewire.errors import BadMessage, BadStream
from tidewire.events import sse_message
from tidewire.journal import Entry
from tidewire.topics import Event, Topic

_ID = re.compile(r"^id: .*\n", re.MULTILINE)


def draw_html(topic: Topic[Any], entry: Entry, event_id: str) -> bytes:
    """Draw an event as its topic's generator does; what the generator raises comes out here.

    Each event has a run of its own: whoever is behind is drawn history from anywhere, so what a generator carried
    from one event to the next would be another thing for them. The id stands in the last message alone, so that a
    cut in between loses nothing.
    """
    text = "".join(_run(topic, topic.event_of(entry, event_id)))
    if not text:
        return b""
    if not text.endswith("\n\n"):  # it would run into the next message, somebody else's
        raise BadMessage(f"topic {topic.name!r}: expected whole messages, made by sse_message, got {text[-40:]!r}")
    text = _ID.sub("", text)
    if not entry.ephemeral:
        rest, end, last = text.removesuffix("\n\n").rpartition("\n\n")
        text = f"{rest}{end}id: {event_id}\n{last}\n\n"
    return text.encode("utf-8", "replace")


def draw_json(topic: Topic[Any], entry: Entry, event_id: str) -> bytes:
    """Write an event as its contract's JSON; one that removes is named `<event>-removed`."""
    name = topic.event if entry.action == "put" else f"{topic.event}-removed"
    head = sse_message("", event=name, id=None if entry.ephemeral else event_id)
    return head.encode().removesuffix(b"data: \n\n") + b"data: " + entry.data + b"\n\n"


def _run(topic: Topic[Any], event: Event[Any]) -> list[str]:
    # Stepped by hand, not awaited: having caught up and joining the live group has to be one step.
    drawing = _collect(topic, event)
    try:
        drawing.send(None)
    except StopIteration as done:
        texts: list[str] = done.value
        return texts
    drawing.close()
    raise BadStream(f"topic {topic.name!r}: its generator may wait for its events only")


async def _collect(topic: Topic[Any], event: Event[Any]) -> list[str]:
    return [text async for text in topic.generator(_only(event))]


async def _only(event: Event[Any]) -> AsyncIterator[Event[Any]]:
    yield event
