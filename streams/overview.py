"""The first page: every live thing at a glance."""

from typing import Any

from fasthtml.core import APIRouter
from starlette.datastructures import State

from components.overview import Card, Overview
from components.page import Layout

routes = APIRouter(body_wrap=Layout)


@routes("/", methods=["GET"])
def overview(state: State) -> Any:
    """Show a card for each live thing."""
    return Overview(Card(thing.title, thing.about, thing.href, thing.card and thing.card()) for thing in state.things)
