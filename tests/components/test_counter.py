import re
from datetime import UTC, datetime

from fastcore.xml import to_xml

from components.counter import Counter


def test_a_count_is_a_button_with_the_number_and_the_time_to_the_microsecond():
    html = to_xml(Counter(42, datetime(2026, 11, 21, 7, 5, 9, 80, UTC)))
    assert re.fullmatch(r"<button[^>]*>Update #42 07:05:09\.000080</button>\s*", html)
