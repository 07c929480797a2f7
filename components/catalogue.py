"""The catalogue: every stream with what it says, how to read it, and what it says right now."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from shlex import quote
from urllib.parse import urlencode

from fastcore.xml import FT, NotStr, to_xml
from fasthtml.components import (
    H2,
    H3,
    A,
    Article,
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

from components.described import Action, Stream, Thing
from components.live import Live, Swap
from components.parts import Command, PageHead, PageTitle
from components.schema import Fields
from components.source import Source

SAMPLED = 20  # messages that a sample shows


def CataloguePage(things: Sequence[Thing], origin: str, token: str) -> tuple[FT, ...]:
    """Show every stream, and what can be sent; origin: the board's address, token: the file that holds its token."""
    streams = [stream for thing in things for stream in thing.streams]
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
            ThingPanel(one, origin, token)
            for one in things
            if one.streams or any(sent.contract for sent in one.actions)
        ),
        Script(src="/static/catalogue.js", defer=True),
    )


def ThingPanel(thing: Thing, origin: str, token: str) -> FT:
    """Tell of a live thing."""
    return Section(
        Div(
            H2(A(thing.title, href=thing.href) if thing.href else thing.title), P(*prose(thing.about)), cls="panel-head"
        ),
        *(StreamEntry(one, origin) for one in thing.streams),
        *(ActionEntry(one, origin, token) for one in thing.actions if one.contract),
        cls="panel",
    )


def StreamEntry(stream: Stream, origin: str) -> FT:
    """Tell of one stream: what it says, to whom, and how to read it."""
    url = stream.url("format=json") if stream.shared else stream.url()
    facts = {
        "Events": Span(*(Code(event) for event in stream.events)),
        "For": "everybody alike" if stream.shared else "each tab on its own",
        "Kept": stream.kept,
    }
    lacking = P("There is none to read yet: ", *(Code(f"{{{name}}}") for name in stream.parameters), cls="waiting")
    return Article(
        H3(stream.path),
        P(*prose(stream.about)),
        Dl(*(Div(Dt(name), Dd(value)) for name, value in facts.items()), cls="meta"),
        Command(f"curl -N {quoted(origin, url)}") if url else lacking,
        Contract(stream.contract) if stream.contract else None,
        Listen(stream) if url else None,
        id=f"stream-{stream.key}",
        cls="stream",
    )


def ActionEntry(action: Action, origin: str, token: str) -> FT:
    """Tell what a program can send, and how."""
    line = (
        action.example
        and action.body
        and (
            f'curl {quoted(origin, action.example)} -H "Authorization: Bearer $(cat {quote(token)})" '
            f"-H 'Content-Type: application/json' -d {quote(json.dumps(action.body, ensure_ascii=False))}"
        )
    )
    return Article(
        H3("POST ", action.path),
        P(*prose(action.about)),
        Command(line) if line else None,
        Contract(action.contract) if action.contract else None,
        cls="stream",
    )


def prose(text: str) -> Iterator[FT | str]:
    """Draw what stands between backticks as code."""
    for number, part in enumerate(text.split("`")):
        yield Code(part) if number % 2 else part


def quoted(origin: str, url: str) -> str:
    """Write an address as a shell takes it."""
    address = origin.rstrip("/") + url
    return f"'{address}'" if re.search(r"[^\w:/.,%-]", address) else address


@cache  # most of the page's cost, and a model does not change
def Contract(model: type[BaseModel]) -> NotStr:
    """Show a contract: its fields, and the JSON schema that a program reads."""
    schema = model.model_json_schema()
    drawn = Details(
        Summary("Contract ", Code(model.__name__)),
        Fields(schema),
        Details(Summary("JSON schema"), Source(json.dumps(schema, indent=2, ensure_ascii=False))),
        cls="contract",
    )
    return NotStr(to_xml(drawn))


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
