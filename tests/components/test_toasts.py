import re

from fastcore.xml import to_xml

from components.notifications import Notification, NotificationNews
from components.toasts import Toasts, Unread


def test_both_live_regions_are_there_before_any_toast_is() -> None:
    html = to_xml(Toasts(7, 5, "a" * 32, "e-9"))
    region = re.search(r'<section[^>]*id="toasts".*?</section>', html, re.DOTALL)[0]
    assert re.findall(r'role="(\w+)"', region) == ["alert", "status"]
    assert 'aria-label="New notifications"' in region
    assert 'sse-connect="/sse/notifications?after=e-9"' in html
    assert f'sse-connect="/sse/notifications/read/{"a" * 32}?after=e-9"' in html


def test_what_is_unread_is_hidden_where_there_is_nothing() -> None:
    assert "hidden" in to_xml(Unread(0))
    assert "hidden" not in to_xml(Unread(1))


def test_a_message_that_is_markup_is_shown_as_text() -> None:
    said = Notification(message='<img src=x onerror=alert(1)>"><script>', id=3, time="2026-03-01T12:00:00Z", total=3)
    html = "".join(map(to_xml, NotificationNews(said)))
    assert "<img" not in html
    assert "<script" not in html
    assert 'data-number="3"' in html
