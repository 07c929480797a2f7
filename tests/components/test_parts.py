from datetime import UTC, datetime

from fastcore.xml import to_xml

from components.parts import Moment


def test_a_moment_is_sent_in_utc_for_the_page_to_put_into_the_readers_zone() -> None:
    html = to_xml(Moment(datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)))
    assert html.startswith('<time datetime="2026-03-01T12:30:05.000+00:00" data-moment>12:30:05 UTC<')
