from datetime import UTC, datetime

from fastcore.xml import to_xml
from fasthtml.components import Textarea

from components.parts import Field, Moment


def test_a_moment_is_sent_in_utc_for_the_page_to_put_into_the_readers_zone() -> None:
    html = to_xml(Moment(datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)))
    assert html.startswith('<time datetime="2026-03-01T12:30:05.000+00:00" data-moment>12:30:05 UTC<')


def test_a_field_has_a_label_and_points_at_what_is_said_about_it() -> None:
    html = to_xml(Field("task-title", "Title", hint="Short.", fault="Too long", name="title", value="a<b", maxlength=5))
    assert '<label for="task-title"' in html
    assert 'id="task-title"' in html
    assert 'aria-describedby="task-title-hint task-title-fault"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="task-title-hint"' in html
    assert ">Title: Too long</small>" in html
    assert 'value="a&lt;b"' in html
    assert 'maxlength="5"' in html


def test_a_field_without_a_fault_claims_none() -> None:
    html = to_xml(Field("feed-text", "Text", "what was <typed>", tag=Textarea, labelled=False, name="text"))
    assert "aria-" not in html
    assert "fault" not in html
    assert 'class="visually-hidden"' in html
    assert ">what was &lt;typed&gt;</textarea>" in html
