"""The catalogue: every stream with what it says, how to read it, and what it says right now."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastcore.xml import FT
from fasthtml.components import (
    H2,
    A,
    Button,
    Code,
    Dd,
    Details,
    Div,
    Dl,
    Dt,
    Li,
    P,
    Pre,
    Script,
    Section,
    Span,
    Summary,
    Ul,
)
from pydantic import BaseModel

from components.live import Live, Swap
from components.parts import Command, PageHead, PageTitle
from components.schema import Fields
from components.source import Source

PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
SAMPLED = 20  # messages that a sample shows


@dataclass(frozen=True)
class Stream:
    """One stream, as the page and the AsyncAPI document tell of it.

    path: with its parameters in braces. example: the same with something there is in their place; None where there is
    nothing yet. media: the type of its data. shared: told to all by one generator, and so to be had as JSON.
    query: the name of a parameter it needs there, and an example of it.
    """

    name: str
    path: str
    about: str
    title: str
    href: str
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
    """What a program can send."""

    path: str
    about: str
    title: str
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


def CataloguePage(streams: Sequence[Stream], actions: Sequence[Action], origin: str, token: str) -> tuple[FT, ...]:
    """Show every stream, and beside each what can be sent to its page."""
    return (
        PageTitle("Streams"),
        PageHead(
            "Streams",
            f"All {len(streams)} streams of this board, as its code declares them. For programs the same is in ",
            A(Code("/asyncapi.json"), href="/asyncapi.json"),
            ".",
        ),
        Ul(*(Li(A(one.path, href=f"#stream-{one.key}")) for one in streams), cls="paths", aria_label="Streams"),
        *(
            StreamPanel(one, [action for action in actions if action.title == one.title], origin, token)
            for one in streams
        ),
        Script(src="/static/catalogue.js", defer=True),
    )


def StreamPanel(stream: Stream, actions: Iterable[Action], origin: str, token: str) -> FT:
    """Tell of one stream."""
    url = stream.url("format=json") if stream.shared else stream.url()
    facts: dict[str, Any] = {
        "Events": Span(*(Code(event) for event in stream.events)),
        "For": "everybody alike" if stream.shared else "each tab on its own",
        "Kept": stream.kept,
        "Page": stream.href and A(stream.title, href=stream.href),
    }
    read = (
        Command(f"curl -N {quoted(origin, url)}")
        if url
        else P("There is none yet to read: ", *(Code(f"{{{name}}}") for name in stream.parameters), cls="waiting")
    )
    return Section(
        Div(H2(stream.path), cls="panel-head"),
        Div(
            P(stream.about),
            Dl(*(Div(Dt(name), Dd(value)) for name, value in facts.items() if value), cls="meta"),
            read,
            Contract("What it says", stream.contract) if stream.contract else None,
            *(Publish(action, origin, token) for action in actions if action.contract),
            Listen(stream) if url else None,
            cls="panel-body",
        ),
        id=f"stream-{stream.key}",
        cls="panel stream",
    )


def quoted(origin: str, url: str) -> str:
    """Write an address as a shell takes it."""
    address = origin.rstrip("/") + url
    return f"'{address}'" if re.search(r"[^\w:/.,%-]", address) else address


def Contract(label: str, model: type[BaseModel]) -> FT:
    """Show a contract: its fields, and the JSON schema that a program reads."""
    schema = model.model_json_schema()
    return Details(
        Summary(label, ": ", Code(model.__name__)),
        Fields(schema),
        Details(Summary("JSON schema"), Source(json.dumps(schema, indent=2, ensure_ascii=False))),
        cls="contract",
    )


def Publish(action: Action, origin: str, token: str) -> FT:
    """Show what a program can send, and how."""
    assert action.contract is not None
    body = example_of(action.contract)
    line = (
        action.example
        and body
        and (
            f'curl {quoted(origin, action.example)} -H "Authorization: Bearer $(cat {token})" '
            f"-H 'Content-Type: application/json' -d '{json.dumps(body, ensure_ascii=False)}'"
        )
    )
    return Div(Contract(f"POST {action.path}", action.contract), Command(line) if line else None)


def example_of(model: type[BaseModel]) -> dict[str, Any] | None:
    """Make an example of what a contract needs out of those of its fields; None where one has none."""
    made: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.examples:
            made[name] = field.examples[0]
        elif field.is_required():
            return None
    return made or None


def Listen(stream: Stream) -> FT:
    """Offer a sample; nothing is open until somebody asks."""
    forms = {"Listen": "html", "Listen to JSON": "json"} if stream.shared else {"Listen": "html"}
    return Div(
        *(
            Button(
                label,
                type="button",
                cls="small",
                aria_label=f"{label}: {stream.path}",
                hx_get=sample_url(stream, format=form),
                hx_target="closest .sample",
                hx_swap="outerHTML",
            )
            for label, form in forms.items()
        ),
        cls="sample",
    )


def Sample(stream: Stream, url: str) -> FT:
    """Show what a stream says from now on, as it is on the wire; catalogue.js writes it."""
    names = ",".join((*stream.events, "stream-error", "reset"))
    return Div(
        Button(
            "Stop",
            type="button",
            cls="small",
            aria_label=f"Stop: {stream.path}",
            autofocus=True,
            hx_get=sample_url(stream, stop="1"),
            hx_target="closest .sample",
            hx_swap="outerHTML",
        ),
        Live(
            url,
            Swap(
                names,
                Span("Waiting for the first message …", cls="waiting"),
                tag=Pre,
                cls="wire",
                data_wire=SAMPLED,
                tabindex=0,
                role="log",
                aria_live="off",
                aria_label=f"Messages of {stream.path}",
            ),
        ),
        cls="sample",
    )


def sample_url(stream: Stream, **query: str) -> str:
    """Where a sample of a stream is to be had."""
    return "/streams/sample?" + urlencode({"name": stream.name, **query})


def CatalogueCard(streams: int, shared: int) -> FT:
    """Say how many streams there are, for the overview."""
    return P(f"{streams} streams: {shared} told to all alike, {streams - shared} to each tab on its own.")
