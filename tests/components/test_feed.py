import re
from datetime import UTC, datetime

from fastcore.xml import to_xml

from components.feed import SHOWN, Older, OlderPosts, Post, PostForm, PostItem, Posts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def post(id: int, text: str = "Hello", author: str = "Ana") -> Post:
    return Post(id=id, author=author, text=text, time=NOW)


def test_what_is_posted_is_text_whatever_it_looks_like() -> None:
    html = to_xml(PostItem(post(1, "<script>alert(1)</script>\n\"'><img src=x onerror=alert(1)>", "<b>Ana</b>")))
    assert not re.search(r"<(script|img|b)\b", html)
    assert "\n" in html[html.index("&lt;script") : html.index("&lt;img")]


def test_the_list_puts_what_is_new_on_top_and_keeps_fifty() -> None:
    html = to_xml(Posts([post(2), post(1)]))
    assert 'sse-swap="new-post"' in html
    assert 'hx-swap="afterbegin"' in html
    assert f'data-max="{SHOWN}"' in html
    assert re.findall(r'id="post-(\d)"', html) == ["2", "1"]


def test_older_posts_are_fetched_by_the_last_one_in_the_page_until_there_is_none() -> None:
    more = "".join(map(to_xml, OlderPosts([post(2), post(1)], more=True)))
    assert re.findall(r'id="post-(\d)"', more) == ["2", "1"]
    assert 'hx-swap-oob="true"' in more
    assert 'hx-include="#feed &gt; :last-child &gt; [name=before]"' in more
    fetch, began = re.findall(r"<p[^>]*>", to_xml(Older(more=False)))
    assert "hidden" in fetch
    assert "hidden" not in began


def test_a_form_that_is_given_back_keeps_what_was_typed_and_says_what_is_wrong_with_each_field() -> None:
    html = to_xml(PostForm("<Ana>", "</textarea><b>", {"author": "too long", "text": "too short"}))
    assert 'value="&lt;Ana&gt;"' in html
    assert "&lt;/textarea&gt;&lt;b&gt;</textarea>" in html
    assert "Your name: too long" in html
    assert "Post: too short" in html
