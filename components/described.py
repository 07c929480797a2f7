"""What the catalogue tells of: live things with their streams, and with what can be sent to them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True)
class Stream:
    """One stream.

    path: with its parameters in braces. example: the same with something there is in their place; None where there is
    nothing yet. media: the type of its data. shared: told to all by one generator, and so to be had as JSON.
    query: the name of a parameter it needs there, and an example of it.
    """

    name: str
    path: str
    about: str
    events: Sequence[str]
    contract: type[BaseModel] | None
    media: str
    shared: bool
    kept: str
    example: str | None
    query: tuple[str, str] = ("", "")

    @property
    def key(self) -> str:
        """A name of it without braces and slashes: for DOM ids, and for the document."""
        return re.sub(r"\W+", "-", self.name).strip("-")

    @property
    def parameters(self) -> list[str]:
        """What is in braces."""
        return PARAMETER.findall(self.path)

    def url(self, *query: str) -> str | None:
        """Give the path of an example of it, with this query."""
        asked = "&".join((*([self.query[1]] if self.query[1] else ()), *query))
        return self.example and self.example + (f"?{asked}" if asked else "")


@dataclass(frozen=True)
class Action:
    """What a program can send; example: as a stream's."""

    path: str
    about: str
    contract: type[BaseModel] | None
    example: str | None

    @property
    def key(self) -> str:
        """A name of it, for the document."""
        return "post-" + re.sub(r"\W+", "-", self.path).strip("-")

    @property
    def parameters(self) -> list[str]:
        """What is in braces."""
        return PARAMETER.findall(self.path)

    @property
    def body(self) -> dict[str, Any] | None:
        """An example of what its contract needs, out of those of its fields; None where one has none."""
        made: dict[str, Any] = {}
        for name, field in self.contract.model_fields.items() if self.contract else ():
            if field.examples:
                made[name] = field.examples[0]
            elif field.is_required():
                return None
        return made or None


@dataclass(frozen=True)
class Thing:
    """One live thing: its title, what it is, its page, its streams, and what can be sent to it."""

    title: str
    about: str
    href: str
    streams: Sequence[Stream]
    actions: Sequence[Action]
