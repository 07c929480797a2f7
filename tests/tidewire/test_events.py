"""The encoder against the standard, read by a parser written from the standard's text."""

import json
import re

import pytest
from fasthtml.components import Button, Div
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from tidewire import BadMessage, comment, sse_message


def parse(stream: str) -> list[dict[str, str]]:
    """Parse as 9.2.6 of the standard says: dispatched events with type, data and last event id."""
    events, data, kind, last_id = [], "", "", ""
    for line in re.split(r"\r\n|\r|\n", stream.removeprefix("\ufeff")):
        if line == "":
            if data:
                events.append({"event": kind or "message", "data": data.removesuffix("\n"), "id": last_id})
            data, kind = "", ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            kind = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            last_id = value
    return events


def normal(text: str) -> str:
    return re.sub(r"\r\n|\r", "\n", text)


class Html(str):
    """Text that says it is HTML already, so that it goes out as it is."""

    def __html__(self) -> str:
        return str(self)


texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\0:\u2028\u0085\x0b\x0c\ufeff "))
names = texts.filter(lambda t: t not in ("", "error") and not re.search(r"[\r\n\0]", t))


@pytest.mark.parametrize("count", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_whatever_is_sent_arrives_as_one_event_equal_to_what_was_sent(count: int) -> None:
    settings(max_examples=count)(arrives_as_it_was_sent)()


@given(data=texts, event=names, id=st.none() | texts.filter(lambda t: not re.search(r"[\r\n\0]", t)))
def arrives_as_it_was_sent(data: str, event: str, id: str | None) -> None:
    # A second event follows, so that anything left open or injected shows.
    wire = sse_message(Html(data), event=event, id=id) + sse_message("end", event="end")
    first, last = parse(wire)
    assert first == {"event": event, "data": normal(data), "id": id or ""}
    assert last["event"] == "end"


@given(texts)
def test_a_comment_never_becomes_an_event(text: str) -> None:
    assert parse(comment(text, retry=5) + sse_message("end")) == [{"event": "message", "data": "end", "id": ""}]


@pytest.mark.parametrize("mark", ["\r", "\n", "\r\n", "\0"])
@pytest.mark.parametrize("field", ["event", "id"])
def test_names_and_ids_of_more_than_one_line_are_refused(field: str, mark: str) -> None:
    with pytest.raises(BadMessage, match=field):
        sse_message("x", **{field: f"a{mark}data: injected"})


@pytest.mark.parametrize("name", ["error", ""])
def test_a_name_that_a_browser_would_misread_is_refused(name: str) -> None:
    with pytest.raises(BadMessage, match="event"):
        sse_message("x", event=name)


@pytest.mark.parametrize("retry", [-1, 1.5, True, "1"])
def test_a_retry_that_is_no_number_of_milliseconds_is_refused(retry: object) -> None:
    with pytest.raises(BadMessage, match="retry"):
        sse_message("x", retry=retry)  # type: ignore[arg-type]


def test_a_component_is_drawn_and_a_plain_string_is_escaped() -> None:
    assert parse(sse_message(Div("<b>", id="x")))[0]["data"].strip() == '<div id="x">&lt;b&gt;</div>'
    assert parse(sse_message("<script>alert('1')</script>"))[0]["data"] == (
        "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;"
    )


def test_an_empty_component_still_is_an_event() -> None:
    for nothing in ("", None, ()):
        assert parse(sse_message(nothing, event="complete")) == [{"event": "complete", "data": "", "id": ""}]


def test_several_components_make_one_event() -> None:
    assert parse(sse_message((Button("a"), [Button("b"), "<"])))[0]["data"].replace("\n", "") == (
        "<button>a</button><button>b</button>&lt;"
    )


def test_a_dict_and_a_model_are_json_that_is_harmless_as_html() -> None:
    class Post(BaseModel):
        text: str

    for component in ({"text": "<b>&\u2028"}, Post(text="<b>&\u2028")):
        data = parse(sse_message(component))[0]["data"]
        assert json.loads(data) == {"text": "<b>&\u2028"}
        assert "<" not in data


@pytest.mark.parametrize("component", [b"x", {"x": object()}])
def test_what_cannot_be_drawn_is_refused(component: object) -> None:
    with pytest.raises(BadMessage, match="component"):
        sse_message(component)


def test_the_wire_is_what_the_standard_shows() -> None:
    assert sse_message("a\nb", event="add", id=7, retry=3000) == "event: add\nid: 7\nretry: 3000\ndata: a\ndata: b\n\n"
    assert sse_message("x") == "data: x\n\n"
