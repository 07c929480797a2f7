"""What makes markup live: the only file that writes SSE attributes.

Live("/sse/clock", Swap("clock"), id="clock")    one connection; what it says of `clock` is swapped in here
PauseButton("clock")                             holds back what moves inside #clock
"""

from collections.abc import Callable
from typing import Any

from fastcore.xml import FT
from fasthtml.components import Button, Div, Output, Small, Span


def Live(url: str, *content: Any, close: str | None = None, **attrs: Any) -> FT:
    """Connect a region to the stream at `url`; an event named `close`, if given, ends the connection for good."""
    return Div(*content, hx_ext="sse", sse_connect=url, sse_close=close, **attrs)


def Swap(
    event: str,
    *content: Any,
    swap: str = "innerHTML",
    tag: Callable[..., FT] = Div,
    extension: str | None = None,
    **attrs: Any,
) -> FT:
    """Swap in each `event` of the Live around it; `content` stands there until the first one comes.

    event: a name, or several with commas; `message` is what events without a name are called.
    swap: where it goes, as in hx-swap; appended (`beforeend`) and prepended (`afterbegin`) elements whose id is in
    the page replace that element (live-put.js).
    extension: an extension of htmx whose `transformResponse` changes what comes before it is swapped in.
    """
    return tag(*content, sse_swap=event, hx_swap=swap, hx_ext=extension, **attrs)


def PauseButton(target_id: str, label: str = "Pause") -> FT:
    """Hold back what moves inside the element `target_id` while pressed; live-hold.js does the work."""
    return Button(
        label,
        type="button",
        cls="pause",
        data_live_pause=target_id,
        aria_pressed="false",
        aria_controls=target_id,
    )


def NewestButton(scroller_id: str, label: str = "Newest") -> FT:
    """Lead to the end of the element `scroller_id`; live-put.js shows it when something out of view came there."""
    return Button(label, type="button", cls="newest", data_live_newest=scroller_id, hidden=True)


def Badge() -> FT:
    """Say how live the page is, in one of the seven words, what is wrong, when it tries again, and offer a retry.

    The word changes at once; the `<output>` says it to screen readers only once it has lasted (live-state.js).
    """
    return Span(
        Span("connecting", cls="pill", data_live_badge=True, data_state="connecting"),
        Small(data_live_detail=True),
        Button("Retry now", type="button", cls="pause retry", data_live_retry=True, hidden=True),
        Output(cls="visually-hidden", data_live_announce=True),
        cls="badge",
    )


def Fetch(event: str, url: str, *content: Any, **attrs: Any) -> FT:
    """Fetch `url` anew at each `event` of the Live around it; `content` stands there until then."""
    return Div(*content, hx_get=url, hx_trigger=f"sse:{event}", **attrs)
