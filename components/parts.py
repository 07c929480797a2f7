"""What the pages of live things are made of: their head, their live part, their fields, how to read them elsewhere."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastcore.xml import FT
from fasthtml.components import H1, H2, Code, Div, Header, Input, Label, P, Section, Small, Span, Time, Title

from components.source import Source


def PageTitle(title: str) -> FT:
    """Name the page in the browser's tab."""
    return Title(f"{title} · Tidewire")


def PageHead(title: str, *about: Any, actions: Any = ()) -> FT:
    """Head a page: what it shows, in one paragraph, and what can be done with all of it."""
    return Header(
        Div(H1(title), P(*about, cls="lead")),
        Div(actions, cls="actions") if actions else None,
        cls="page-head",
    )


def Panel(*content: Any, caption: Any, actions: Any = (), **attrs: Any) -> FT:
    """Frame content with a caption line and actions at its right."""
    head = Div(Span(caption, cls="caption"), actions, cls="panel-head")
    return Section(head, Div(*content, cls="panel-body"), cls="panel", **attrs)


def Waiting(text: str = "Waiting for the first message …") -> FT:
    """Stand where the first message will."""
    return P(text, cls="waiting")


def Field(
    id: str,
    label: str,
    *choices: Any,
    tag: Callable[..., FT] = Input,
    hint: str = "",
    fault: str = "",
    labelled: bool = True,
    **control: Any,
) -> FT:
    """Ask for one value, and say what it should be (`hint`) and why what was given is not (`fault`).

    tag: Input, Textarea, Select; control: its attributes (name, value, maxlength, ...); choices: what is inside it,
    the options of a Select, or a Textarea's text. labelled: False keeps the label for those who hear the page, where
    a placeholder or the place says the same.
    """
    described = " ".join(f"{id}-{part}" for part, text in (("hint", hint), ("fault", fault)) if text)
    return Div(
        Div(
            Label(label, fr=id, cls=None if labelled else "visually-hidden"),
            tag(
                *choices,
                id=id,
                aria_describedby=described or None,
                aria_invalid="true" if fault else None,
                **control,
            ),
            cls="control",
        ),
        Small(hint, id=f"{id}-hint", cls="hint") if hint else None,
        Small(f"{label}: {fault}", id=f"{id}-fault", cls="fault", role="alert") if fault else None,
        cls="field",
    )


def Elsewhere(origin: str, path: str, source: str = "") -> FT:
    """Tell how to read the stream at `path` without a browser, and show the generator's own source."""
    return Div(
        Section(
            H2("Read it anywhere"),
            P("It is plain server-sent events: any client reads it, and the last ", Code("id"), " is its place."),
            Command(f"curl -N {origin.rstrip('/')}{path}"),
        ),
        Section(H2("The whole stream"), Source(source)) if source else None,
        cls="columns",
    )


def Moment(time: datetime) -> FT:
    """Tell when something happened, in UTC; board.js puts it into the reader's zone, with the day if it is another."""
    return Time(f"{time:%H:%M:%S} UTC", datetime=time.isoformat(timespec="milliseconds"), data_moment=True)


def Command(line: str) -> FT:
    """Show a command to type into a terminal."""
    return Code(line, cls="command", tabindex=0)
