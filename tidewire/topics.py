"""Topics: what is said in one, by which contract, and the generator that draws it."""

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from tidewire.errors import BadPayload, BadStream, EventTooLarge, UnknownTopic
from tidewire.events import sse_message
from tidewire.journal import Action, Draft, Entry, Retention

P = TypeVar("P", bound=BaseModel)
Keep = Literal["all", "latest"]
Draw = Callable[[AsyncIterator["Event[P]"]], AsyncIterator[str]]

LARGEST_EVENT = 1024 * 1024  # bytes of JSON
_PARAMETER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Event(Generic[P]):
    """One fact that happened: its id, its topic, its payload; `removed` where it takes its element away."""

    id: str
    topic: str
    data: P
    time: datetime
    action: Action = "put"

    @property
    def removed(self) -> bool:
        """Tell whether the event removes what an earlier one put."""
        return self.action == "remove"


class Topic(Generic[P]):
    """A named sequence of events of one contract, and the generator that draws them; made by `topic`."""

    def __init__(
        self,
        name: str,
        contract: type[P],
        draw: "Draw[P]",
        *,
        snapshot: Callable[..., Any],
        event: str,
        keep: Keep,
        ephemeral: bool,
        retention: Retention,
        known: Callable[..., bool],
    ) -> None:
        if not inspect.isasyncgenfunction(draw):
            raise BadStream(f"topic {name!r}: expected an async generator (async def with yield), got {draw!r}")
        self.name = name
        self.contract = contract
        self.generator = draw
        self.snapshot = snapshot
        self.event = event
        self.keep = keep
        self.ephemeral = ephemeral
        self.retention = retention
        self.known = known
        self.path = f"/sse/{name}"
        self.__doc__ = draw.__doc__
        self._pattern = re.compile(
            _PARAMETER.sub(r"(?P<\1>[^/]+)", re.escape(name).replace(r"\{", "{").replace(r"\}", "}"))
        )
        sse_message("", event=event)  # raises BadMessage now, not at each event

    @property
    def source(self) -> str:
        """The text of the generator, for a page that shows it."""
        return inspect.getsource(self.generator)

    def parameters(self, name: str) -> dict[str, str] | None:
        """Read the parameters out of a full name; None if it is no name of this topic."""
        match = self._pattern.fullmatch(name)
        return match.groupdict() if match else None

    def draft(self, name: str, payload: P | dict[str, Any], *, remove: bool = False) -> Draft:
        """Hold a payload to the contract; raise BadPayload, which names the field, or EventTooLarge."""
        try:
            values = dict(payload) if isinstance(payload, BaseModel) else payload
            data = self.contract.model_validate(values).model_dump_json().encode()
        except ValidationError as invalid:
            faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'payload'}: {e['msg']}" for e in invalid.errors())
            raise BadPayload(f"topic {name!r}: expected {self.contract.__name__}, got {faults}") from invalid
        if len(data) > LARGEST_EVENT:
            raise EventTooLarge(f"topic {name!r}: expected at most {LARGEST_EVENT} bytes, got {len(data)}")
        return Draft(name, data, "remove" if remove else "put", self.ephemeral)

    def event_of(self, entry: Entry, event_id: str) -> "Event[P]":
        """Read an event from the journal; raise ValidationError if it is of an older contract that does not fit."""
        payload = self.contract.model_validate_json(entry.data)
        return Event(event_id, entry.topic, payload, datetime.fromtimestamp(entry.time, UTC), entry.action)


def topic(
    name: str,
    contract: type[P],
    *,
    snapshot: Callable[..., Any],
    event: str | None = None,
    keep: Keep = "all",
    ephemeral: bool = False,
    retention: Retention | None = None,
    known: Callable[..., bool] = lambda context, **parameters: True,
) -> Callable[["Draw[P]"], Topic[P]]:
    """Make an async generator draw a topic's events, once for everybody who listens at `/sse/<name>`.

    The generator is given the events and yields an `sse_message` for each; it may wait for nothing else, and carries
    nothing from one event to the next: it is run for each on its own, also over history.
    name: may hold parameters, `rooms/{room}`; each full name is a sequence of its own.
    snapshot: `snapshot(context, **parameters)` draws the present state as components with DOM ids: for the first
        page, and for whoever cannot be told what they missed. It runs in a thread; `context` is the hub's.
    event: the name its messages bear, which a reset bears too; default: the name of the topic.
    keep: "latest" where only the newest event counts: whoever is behind is told that one.
    ephemeral: such events are told to those who listen, and not kept: typing, presence.
    retention: how many events are kept, and for how long; default 10,000 and a week, or 1 of any age where the latest
        counts.
    known: `known(context, **parameters)` says whether a full name exists; others are refused.
    """
    kept = retention or (Retention(count=1, age=None) if keep == "latest" else Retention())
    return lambda draw: Topic(
        name,
        contract,
        draw,
        snapshot=snapshot,
        event=event or name.partition("/")[0],
        keep=keep,
        ephemeral=ephemeral,
        retention=kept,
        known=known,
    )


class Topics:
    """All topics of an app, found by a full name."""

    def __init__(self, topics: Iterable[Topic[Any]]) -> None:
        self.all = tuple(topics)
        self._found: dict[str, Topic[Any]] = {}

    def find(self, name: str) -> Topic[Any]:
        """Find the topic of a full name; raise UnknownTopic, which names those that exist."""
        found = self._found.get(name)
        if found is None:
            found = next((one for one in self.all if one.parameters(name) is not None), None)
            if found is None:
                raise UnknownTopic(name, [one.name for one in self.all])
            if len(self._found) < 10_000:  # names can come from outside: a cache must not grow with them
                self._found[name] = found
        return found

    def retention(self, name: str) -> Retention:
        """Tell how much of a topic is kept, for the journal."""
        try:
            return self.find(name).retention
        except UnknownTopic:  # a topic of an older version of the app
            return Retention()
