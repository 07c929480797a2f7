"""The connection panel: what a page's stream does, told by Alpine.js (static/panel.js)."""

from typing import Any

from fastcore.xml import FT
from fasthtml.components import Button, Code, Dd, Div, Dl, Dt, Input, Label, P, Section, Small, Span

FIGURES = {
    "Connected for": "connectedFor",
    "Events in all": "events",
    "Events a minute": "aMinute",
    "Last one": "ago",
    "Attempts": "attempts",
    "Network": "network",
}


def ConnectionPanel(target_id: str) -> FT:
    """Show and steer the stream of the Live with this id; `data-scroll` in it marks what scrolls."""
    return Section(
        Div(
            Span(
                Span("Connection", cls="caption"),
                Span("connecting", cls="pill", **_x(text="state", bind__data_state="state"), data_state="connecting"),
                Span(cls="note", **_x(text="detail")),
                cls="panel-title",
            ),
            Div(
                Button("Disconnect", type="button", cls="small", **_x(text="action", on__click="toggle")),
                Button("Clear", type="button", cls="small", **_x(on__click="clear")),
                Label(Input(type="checkbox", role="switch", checked=True, **_x(model="follow")), "Auto-scroll"),
                cls="actions",
            ),
            cls="panel-head",
        ),
        Div(_Fault(), Dl(*(_Figure(name, value) for name, value in FIGURES.items()), cls="figures"), cls="panel-body"),
        cls="panel connection",
        aria_label="Connection",
        **_x(data="connection"),
        data_target=target_id,
    )


def _Figure(name: str, value: str) -> FT:
    what = Small(**_x(text="lastName")) if value == "ago" else None
    return Div(Dt(name), Dd(Span("–", **_x(text=value)), " ", what))


def _Fault() -> FT:
    return Div(
        P(
            Span(**_x(text="fault")),
            Span(" The server's log has the reason under ", Code(**_x(text="reference")), ".", **_x(show="reference")),
        ),
        Button("Retry", type="button", cls="small", **_x(on__click="retry")),
        Button("Dismiss", type="button", cls="small", **_x(on__click="dismiss")),
        cls="fault-box",
        role="alert",
        **_x(show="fault", cloak="cloak"),
    )


def _x(**directives: str) -> dict[str, Any]:
    """Write Alpine's attributes: on__click="toggle" becomes x-on:click."""
    return {f"x-{name.replace('__', ':').replace('_', '-')}": value for name, value in directives.items()}
