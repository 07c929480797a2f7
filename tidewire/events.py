"""Events on the wire, as the WHATWG standard reads them.

Source of every rule: https://html.spec.whatwg.org/multipage/server-sent-events.html (9.2.5, 9.2.6).
"""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from tidewire.errors import BadMessage

# The standard ends a line at CR, LF or CRLF and nowhere else: str.splitlines() would also cut at U+2028,
# U+0085, VT and FF, which are ordinary characters of a text.
_LINE_END = re.compile(r"\r\n|\r|\n")
_FORBIDDEN = re.compile(r"[\r\n\0]")
# In JSON these three can be written as escapes, so the same text is safe where a page takes it for HTML.
_HTML_IN_JSON = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def sse_message(
    component: object = "", event: str = "message", id: str | int | None = None, retry: int | None = None
) -> str:
    """Write one event: a component drawn and encoded for an `sse-swap` target.

    component: an FT component (or anything with `__html__` or `__ft__`), a tuple or list of them, a dict or
        pydantic model (sent as JSON), or anything else, whose text is escaped. None and "" make an empty event,
        which browsers do dispatch.
    event: its name; `sse-swap` and `addEventListener` listen for it. "message" is the unnamed event.
    id: what a browser sends back as Last-Event-ID; "" makes it forget.
    retry: milliseconds to wait before the next reconnection.

    Raises BadMessage for CR, LF or NUL in a name or id, for the name "error" (htmx's extension would take the
    event for a failed connection), and for a retry that is no whole number >= 0.
    """
    lines = []
    if event != "message":
        if not event or event == "error":
            raise BadMessage(f'event: expected a name other than "error", got {event!r}; try "stream-error"')
        lines.append(f"event: {_one_line(event, 'event')}")
    if id is not None:
        lines.append(f"id: {_one_line(str(id), 'id')}")
    if retry is not None:
        lines.append(_retry(retry))
    lines += [f"data: {line}" for line in _LINE_END.split(markup(component))]
    return "\n".join(lines) + "\n\n"


def comment(text: str = "", retry: int | None = None) -> str:
    """Write a comment, which keeps a connection open and fires no event; `retry` in milliseconds."""
    lines = [f": {line}" for line in _LINE_END.split(text)]
    if retry is not None:
        lines.append(_retry(retry))
    return "\n".join(lines) + "\n\n"


def markup(component: object) -> str:
    """Draw a component as HTML; escape what is only text; write a dict or a model as JSON."""
    if component is None:
        return ""
    if hasattr(component, "__html__"):
        return str(component.__html__())
    if hasattr(component, "__ft__"):
        return markup(component.__ft__())
    if isinstance(component, BaseModel):
        return component.model_dump_json().translate(_HTML_IN_JSON)
    if isinstance(component, Mapping):
        return _json(component)
    if isinstance(component, list | tuple):
        return "".join(map(markup, component))
    if isinstance(component, bytes | bytearray | memoryview):
        raise BadMessage("component: expected a component or text, got bytes; decode them first")
    return html.escape(str(component))


def _json(value: Mapping[Any, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False).translate(_HTML_IN_JSON)
    except (TypeError, ValueError) as fault:
        raise BadMessage(f"component: expected what JSON can say, got {value!r}: {fault}") from fault


def _one_line(text: str, field: str) -> str:
    if _FORBIDDEN.search(text):
        raise BadMessage(f"{field}: expected one line without CR, LF and NUL, got {text!r}")
    return text


def _retry(milliseconds: int) -> str:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or milliseconds < 0:
        raise BadMessage(f"retry: expected whole milliseconds >= 0, got {milliseconds!r}")
    return f"retry: {milliseconds}"
