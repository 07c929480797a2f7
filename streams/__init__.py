"""The live things: one file each, with its table, what changes it, its generator and its routes."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from fasthtml.core import APIRouter
from pydantic import BaseModel
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import HTMLResponse

from tidewire import Change, PerTab, Topic, markup


@dataclass(frozen=True)
class LiveThing:
    """One live thing, as main.py lists it and as navigation, overview and catalogue find it.

    name: of its topic and its DOM id. href: its page. prepare: makes its tables.
    part: draws its present state, for another page whose stream carries its topic, and for its card.
    card: draws it live for the overview, where that is not its part, or its first stream's event of its name.
    accepts: what programs may send it: the path of a POST, and the model of its body.
    example: fills the parameters of its streams with what there is in the database, `{"room": "lobby"}`; empty where
        there is nothing yet.
    beside: draws what stands beside its title in the navigation. everywhere: draws what it has on every page.
    work: what it does in each process while the board runs; it is cancelled at the end. What a machine is to do once
        asks `state.keeper()` each time.
    between: topics in which processes speak to each other; they are no streams.
    """

    name: str
    title: str
    about: str
    href: str
    routes: APIRouter
    streams: Sequence[PerTab | Topic[Any]] = ()
    card: Callable[[], Any] | None = None
    part: Callable[[State], Any] | None = None
    prepare: Callable[[Change], None] | None = None
    accepts: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    example: Callable[[Any], Mapping[str, Any]] = lambda db: {}
    beside: Callable[[Request], Any] | None = None
    everywhere: Callable[[Request], Any] | None = None
    work: Callable[[State], Coroutine[Any, Any, None]] | None = None
    between: Sequence[Topic[Any]] = ()


def live_things(*names: str) -> list[LiveThing]:
    """Import the live things of these names: `thing` in `streams/<name>.py`."""
    return [import_module(f"{__name__}.{name}").thing for name in names]


def fragment(*parts: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """Answer an action with components alone, without the page around them, whoever asks."""
    # Half a surrogate pair, which JSON can name and UTF-8 cannot say, is shown as the question mark that it is.
    return HTMLResponse(markup(parts).encode("utf-8", "replace"), status, headers)
