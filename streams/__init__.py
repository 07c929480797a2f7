"""The live things: one file each, with its table, what changes it, its generator and its routes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fasthtml.core import APIRouter
from starlette.datastructures import State
from starlette.responses import HTMLResponse

from tidewire import Change, PerTab, Topic, markup


@dataclass(frozen=True)
class LiveThing:
    """One live thing, as main.py lists it and as navigation, overview and catalogue find it.

    name: of its topic and its DOM id. href: its page. prepare: makes its tables.
    part: draws its present state, for another page whose stream carries its topic, and for its card.
    card: draws it live for the overview, where that is not its part, or its first stream's event of its name.
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


def fragment(*parts: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """Answer an action with components alone, without the page around them, whoever asks."""
    return HTMLResponse(markup(parts), status, headers)
