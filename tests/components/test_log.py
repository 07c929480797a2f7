from datetime import UTC, datetime

import pytest
from fastcore.xml import to_xml

from components.log import Line, LogFilter, LogLine, LogList, LogRegion
from components.plain import LONGEST_LINE, one_line


def line(id=1, line="hello", **given):
    return Line(id=id, time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), source="make", line=line, **given)


def test_a_line_tells_level_time_source_and_text_and_escapes_them():
    html = LogLine(line(7, '<b onclick="x">&', level="warning"))
    assert 'id="log-7"' in html
    assert 'data-level="warning"' in html
    assert 'datetime="2026-01-02T03:04:05.000+00:00"' in html
    assert ">make<" in html
    assert "&lt;b onclick=&quot;x&quot;&gt;&amp;<" in html


def test_the_list_takes_the_next_lines_at_its_end_and_says_how_many_it_holds_and_which():
    html = to_xml(LogList([line(1), line(2)], "error", 'say "x"', 500))
    assert 'sse-swap="log"' in html
    assert 'hx-swap="beforeend"' in html
    assert 'data-max="500"' in html
    assert 'data-least="error"' in html
    assert "data-text='say \"x\"'" in html
    assert html.index("log-1") < html.index("log-2")


def test_an_empty_log_says_why():
    assert "Nothing has been said yet" in to_xml(LogRegion([], "e-1"))
    assert "No line passes the filter" in to_xml(LogRegion([], "e-1", "error"))


def test_the_filter_shows_what_is_chosen():
    html = to_xml(LogFilter("warning", "fail"))
    assert '<option value="warning" selected' in html
    assert 'value="fail"' in html


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain text, äöü 漢字 👩‍👩‍👧", "plain text, äöü 漢字 👩‍👩‍👧"),
        ("\x1b[1;31mred\x1b[0m and \x1b]0;title\x07plain\x1b(B", "red and plain"),
        ("\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10 %\r50 %\r100 %\r\n", "100 %"),
        ("a\tb", "a       b"),
        ("bell\x07 null\x00 two\nlines", "bell␇ null␀ two␊lines"),
        ("user\u202e gpj.exe\u2028\x85\ud800\x7f", "user\ufffd gpj.exe" + "\ufffd" * 4),
        ("\x1b", "␛"),
        ("", ""),
    ],
)
def test_a_line_of_a_program_is_made_harmless(said, shown):
    assert one_line(said) == shown
    assert one_line(shown) == shown


def test_a_long_line_is_cut_with_a_mark_and_cut_once():
    cut = one_line("x" * 5000)
    assert len(cut) <= LONGEST_LINE
    assert cut.endswith(" more characters")
    assert int(cut.split(" … ")[1].split()[0].replace(",", "")) + cut.count("x") == 5000
    assert one_line(cut) == cut
