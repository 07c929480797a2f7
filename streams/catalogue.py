"""The catalogue of all streams, made from the code itself, for people and for programs."""

from collections.abc import Iterable, Mapping
from typing import Any

from fasthtml.core import APIRouter
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from components.catalogue import CatalogueCard, CataloguePage, Listen, Sample
from components.described import PARAMETER, Action, Stream, Thing
from components.page import Layout
from streams import LiveThing, asyncapi, fragment
from tidewire import PerTab, Topic

routes = APIRouter(body_wrap=Layout)


def described(things: Iterable[LiveThing], db: Any) -> list[Thing]:
    """Tell of these live things, and of the stream that carries several topics."""
    told = [described_one(thing, thing.example(db)) for thing in things]
    plain = [one.name for thing in told for one in thing.streams if one.shared and not one.parameters][:2]
    about = (
        "Any topics of this board, in the order in which things happened. A browser asks for the streams of all its "
        "tabs by `POST /sse/mux`, and has them on one connection; that is between live.js and the board."
    )
    return [*told, Thing("Several at once", about, "", [several(plain)], [])] if plain else told


def described_one(thing: LiveThing, example: Mapping[str, Any]) -> Thing:
    """Tell of one live thing; example: what there is to fill its parameters with."""
    actions = [
        Action(braced(path), text(handler.__doc__), thing.accepts.get(path), filled(path, example))
        for handler, path, methods, *_ in thing.routes.routes
        if "POST" in (methods or ())
    ]
    return Thing(thing.title, thing.about, thing.href, [stream_of(one, example) for one in thing.streams], actions)


def streams_of(things: Iterable[Thing]) -> list[Stream]:
    """List the streams of all."""
    return [stream for thing in things for stream in thing.streams]


def stream_of(stream: PerTab | Topic[Any], example: Mapping[str, Any]) -> Stream:
    """Tell of one stream."""
    shared = isinstance(stream, Topic)
    return Stream(
        name=stream.name,
        path=braced(stream.path),
        about=text(stream.__doc__),
        events=[stream.event] if isinstance(stream, Topic) else [*stream.events, *filter(None, [stream.close])],
        contract=stream.contract,
        media="text/html" if isinstance(stream, Topic) else stream.media,
        shared=shared,
        kept=kept(stream),
        example=filled(stream.path, example),
    )


def several(topics: list[str]) -> Stream:
    """Tell of the stream that carries several topics."""
    return Stream(
        name="live",
        path="/sse/live",
        about="Tell of the topics that the query names, each as its own stream does.",
        events=topics,
        contract=None,
        media="text/html",
        shared=True,
        kept="what each of the topics keeps",
        example="/sse/live",
        query=("topic", "&".join(f"topic={name}" for name in topics)),
    )


def kept(stream: PerTab | Topic[Any]) -> str:
    """Say what is kept of a stream for whoever was away."""
    if isinstance(stream, PerTab):
        return "nothing; a tab that returns goes on where it was" if stream.resumes else "nothing"
    if stream.ephemeral:
        return "nothing: it is told to those who listen"
    if stream.keep == "latest":
        return "the newest only"
    age = stream.retention.age
    return f"{stream.retention.count:,} events" + (f", for {days(age)}" if age else "")


def days(seconds: float) -> str:
    """Say a time in days or hours."""
    unit, number = ("day", seconds / 86_400) if seconds >= 86_400 else ("hour", seconds / 3_600)
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def filled(path: str, example: Mapping[str, Any]) -> str | None:
    """Put what there is into the place of a path's parameters; None where there is nothing."""
    if not set(PARAMETER.findall(path)) <= example.keys():
        return None
    return PARAMETER.sub(lambda found: str(example[found[1]]), path)


def braced(path: str) -> str:
    """Write a path without what its parameters have to be."""
    return PARAMETER.sub(r"{\1}", path)


def text(doc: str | None) -> str:
    """Give a docstring as one paragraph."""
    return " ".join((doc or "").split())


@routes("/streams", methods=["GET"])
def page(request: Request, state: State) -> Any:
    """Show every stream."""
    token = state.settings.database.parent / "token"
    return CataloguePage(described(state.things, state.db), str(request.base_url), str(token))


@routes("/streams/sample", methods=["GET"])
def sample(state: State, name: str, format: str = "html", stop: int = 0) -> Any:
    """Open a sample of a stream, or close it. It begins with what a newcomer is told: the present state."""
    stream = next((one for one in streams_of(described(state.things, state.db)) if one.name == name), None)
    if stream is None:
        raise HTTPException(404, f"There is no stream {name!r}.")
    query = [f"format={format}"] if format == "json" else ["after=0"] if stream.shared else []
    url = stream.url(*query)
    return fragment(Listen(stream) if stop or url is None else Sample(stream, url))


@routes("/asyncapi.json", methods=["GET"])
def document(request: Request, state: State) -> JSONResponse:
    """Give the same for programs: AsyncAPI 3.0."""
    return JSONResponse(asyncapi.document(described(state.things, state.db), str(request.base_url)))


def part(state: State) -> Any:
    """Say how many there are."""
    told = streams_of(described(state.things, state.db))
    return CatalogueCard(len(told), sum(one.shared for one in told))


thing = LiveThing("catalogue", "Streams", "All of them, with contracts and curl lines", "/streams", routes, part=part)
