"""The first page: every live thing at a glance, live."""

from typing import Any

from fasthtml.core import APIRouter
from starlette.datastructures import State

from components.live import Live
from components.overview import Card, Overview, Unseen
from components.page import Layout
from streams import LiveThing
from tidewire import Topic

routes = APIRouter(body_wrap=Layout)


@routes("/", methods=["GET"])
def overview(state: State) -> Any:
    """Show a card for each live thing, each with a stream of its own: they share the browser's one connection."""
    after = state.hub.cursor
    return Overview(
        Card(thing.name, thing.title, thing.about, thing.href, live(thing, state, after), moves=bool(thing.streams))
        for thing in state.things
    )


def live(thing: LiveThing, state: State, after: str) -> Any:
    """Draw a live thing live: as it says itself, else by its part, else by what its first stream says first."""
    if thing.card is not None:
        return thing.card()
    if not thing.streams:
        return thing.part and thing.part(state)
    stream = thing.streams[0]
    if thing.part is None:
        return Live(stream.path, Unseen(thing.name), id=thing.name)
    url = f"{stream.path}?after={after}" if isinstance(stream, Topic) else stream.path
    return Live(url, thing.part(state))
