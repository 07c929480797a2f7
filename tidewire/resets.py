"""Resets: topics drawn whole, for whoever cannot be told what they missed."""

import asyncio
import logging
import re
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
        """Make the reset of these topics, and tell the sequence to go on after."""
        self._hub.counts["resets"] += 1
        if form == "json":
            # A program has to fetch what it holds anew: only the board's own pages take components.
            sequence = self._hub.flushed
            reset = sse_message({"topics": sorted(topics)}, event="reset", id=self._hub.id_of(sequence))
            return reset.encode(), sequence
        drawn = await asyncio.gather(*(asyncio.shield(self._draw(name)) for name in sorted(topics)))
        sequence = min(sequence for _, sequence in drawn)
        # The id stands in the last message alone: a client that is cut off before it asks for a reset again.
        return b"".join(chunk for chunk, _ in drawn) + f"id: {self._hub.id_of(sequence)}\n\n".encode(), sequence

    def of_everybody(self, topic: str) -> None:
        """Draw a topic whole for everybody who is up to date, soon: an event of it could not be drawn."""
        if topic in self._drawing:  # begun before that event: it may not show it
            self._drawing[topic].add_done_callback(lambda _: self.of_everybody(topic))
        else:
            self._draw(topic).add_done_callback(lambda task: self._tell(topic, task))

    def _draw(self, name: str) -> "asyncio.Task[tuple[bytes, int]]":
        task = self._drawing.get(name)
        if task is None:
            task = self._drawing[name] = asyncio.ensure_future(self._snapshot(name))
            task.add_done_callback(lambda _: self._drawing.pop(name, None))
        return task

    async def _snapshot(self, name: str) -> tuple[bytes, int]:
        topic = self._hub.topics.find(name)
        sequence = self._hub.flushed  # before the state is read: the stream then repeats, and misses nothing
        parameters = topic.parameters(name) or {}
        component = await asyncio.to_thread(topic.snapshot, self._hub.context, **parameters)
        parts = component if isinstance(component, list | tuple) else (component,)
        return sse_message(_Html("".join(map(out_of_band, parts))), event=topic.event).encode(
            "utf-8", "replace"
        ), sequence

    def _tell(self, topic: str, task: "asyncio.Task[tuple[bytes, int]]") -> None:
        if task.cancelled():
            return
        if fault := task.exception():
            log.error("the snapshot of topic %s cannot be drawn", topic, exc_info=fault)
        else:
            html, _ = task.result()
            json = sse_message({"topics": [topic]}, event="reset").encode()
            self._hub.fanout.tell(topic, {"html": html, "json": json}, self._hub.flushed)


def out_of_band(component: Any) -> str:
    """Draw a component so that htmx puts it in the place of the element with its id."""
    html = markup(component)
    tag = _FIRST_TAG.match(html)
    return f'{html[: tag.end()]} hx-swap-oob="true"{html[tag.end() :]}' if tag else html


class _Html(str):
    __slots__ = ()

    def __html__(self) -> str:
        return str(self)
