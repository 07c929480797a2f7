import re
from datetime import UTC, datetime

import pytest
from fastcore.xml import to_xml

from components.clock import ClockFace

NOW = datetime(2026, 11, 21, 7, 5, 9, 80, UTC)


def test_the_face_shows_microseconds_and_the_offset_with_its_sign():
    html = to_xml(ClockFace(NOW, 0.4125))
    assert ">07:05:09.000080</time>" in html
    assert 'datetime="2026-11-21T07:05:09.000080+00:00"' in html
    assert "+0.412 ms" in html
    assert "-0.250 ms" in to_xml(ClockFace(NOW, -0.25))


@pytest.mark.parametrize(("offset_ms", "x"), [(0.0, "0.0"), (2.5, "50.0"), (-5.0, "-100.0"), (400.0, "100.0")])
def test_the_gauge_points_at_the_offset_and_stays_on_its_scale(offset_ms, x):
    assert re.search(rf'cx="{re.escape(x)}"', to_xml(ClockFace(NOW, offset_ms)))
