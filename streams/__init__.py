"""The live things: one file each, with its table, what changes it, its generator and its routes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fasthtml.core import APIRouter

from tidewire import PerTab


@dataclass(frozen=True)
class LiveThing:
    """One live thing, as main.py lists it and as navigation, overview and catalogue find it.

    name: of its topic and its DOM id. href: its page. card: draws its live content for the overview, if it has any.
    """

    name: str
    title: str
    about: str
    href: str
    routes: APIRouter
    streams: Sequence[PerTab] = ()
    card: Callable[[], Any] | None = None
