"""The first page: a card for each live thing."""

from collections.abc import Iterable
from typing import Any

from fastcore.xml import FT
from fasthtml.components import H1, H2, A, Article, Div, P, Section

from components.live import PauseButton, Swap
from components.parts import PageTitle, Waiting


def Overview(cards: Iterable[FT]) -> tuple[FT, ...]:
    """Show every live thing at a glance."""
    return (
        PageTitle("Overview"),
        Section(
            H1("What happens on the server is in every open tab."),
            P("Routes draw components, and async generators stream the same components: HTML over one open response."),
            Div(cls="tide", aria_hidden="true"),
            cls="hero",
        ),
        Div(*cards, cls="cards"),
    )


def Card(name: str, title: str, about: str, href: str, live: Any = None, *, moves: bool = True) -> FT:
    """Stand for one live thing: what it is, where it is, and the thing itself, live in an element of its name.

    moves: whether there is something to pause.
    """
    shown = live and Div(live, PauseButton(name) if moves else None, cls="card-live")
    return Article(H2(A(title, href=href)), P(about), shown, cls="card")


def Unseen(event: str) -> FT:
    """Stand where the first `event` will."""
    return Swap(event, Waiting())
