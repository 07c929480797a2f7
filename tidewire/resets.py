"""Resets: topics drawn whole, for whoever cannot be told what they missed."""

import asyncio
import logging
import re
import secrets
from typing import TYPE_CHECKING, Any

from tidewire.events import markup, sse_message

if TYPE_CHECKING:
    from tidewire.hub import Hub

log = logging.getLogger("tidewire")
_FIRST_TAG = re.compile(r"\s*<[a-zA-Z][\w:-]*")


class Resets:
    """Draw snapshots, each once for all who need it at that moment."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._drawing: dict[str, asyncio.Task[tuple[bytes, int]]] = {}

    async def of(self, topics: frozenset[str], form: str) -> tuple[bytes, int]:
        """Make the reset of these topics, and tell up to which sequence, at least, it shows them."""
        self._hub.counts["resets"] += 1
        if form == "json":
            # A program has to fetch what it holds anew: only the board's own pages take components.
            return sse_message({"topics": sorted(topics)}, event="reset").encode(), self._hub.flushed
        drawn = await asyncio.gather(*(asyncio.shield(self._draw(name)) for name in sorted(topics)))
        return b"".join(chunk for chunk, _ in drawn), min(sequence for _, sequence in drawn)

    def _draw(self, name: str) -> "asyncio.Task[tuple[bytes, int]]":
        task = self._drawing.get(name)
        if task is None:
            task = self._drawing[name] = asyncio.ensure_future(self._snapshot(name))
            task.add_done_callback(lambda _: self._drawing.pop(name, None))
        return task

    async def _snapshot(self, name: str) -> tuple[bytes, int]:
        topic = self._hub.topics.find(name)
        sequence = self._hub.flushed  # before the state is read: the stream then repeats, and misses nothing
        try:
            html = await asyncio.to_thread(self._html, topic, topic.parameters(name) or {})
            message = sse_message(_Html(html), event=topic.event)
        except Exception:
            # What an event could not be drawn for, a snapshot often cannot either: the other topics go on.
            reference = secrets.token_hex(4)
            log.exception("the snapshot of topic %s cannot be drawn, reference %s", name, reference)
            message = sse_message(reference, event="stream-error")
        return message.encode("utf-8", "replace"), sequence

    def _html(self, topic: Any, parameters: dict[str, str]) -> str:
        component = topic.snapshot(self._hub.context, **parameters)
        return "".join(map(out_of_band, component if isinstance(component, list | tuple) else (component,)))


def out_of_band(component: Any) -> str:
    """Draw a component so that htmx puts it in the place of the element with its id."""
    html = markup(component)
    tag = _FIRST_TAG.match(html)
    return f'{html[: tag.end()]} hx-swap-oob="true"{html[tag.end() :]}' if tag else html


class _Html(str):
    __slots__ = ()

    def __html__(self) -> str:
        return str(self)
