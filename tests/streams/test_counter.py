"""The counter of a real server: each connection its own, and each goes on where it was."""

import re

import pytest
from servers import streams


def first_count(stream):
    stream.read_until(b"</button>")
    return int(re.search(r"Update #(\d+) \d\d:\d\d:\d\d\.\d{6}", stream.text)[1])


def test_every_connection_counts_for_itself(board):
    with streams(board, "/sse/counter", 2) as (one, other):
        assert first_count(one) == 1
        one.read_until(b"Update #2")
        with board.open("/sse/counter") as late:
            assert first_count(late) == 1
        assert first_count(other) == 1
    assert "event: counter\nid: 1\n" in one.text


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {"Last-Event-ID": "41"}, 42),
        ("?after=41", {}, 42),
        ("?after=" + "9" * 5000, {}, 1),
        ("?after=%00%ff", {"Last-Event-ID": "1-2-3"}, 1),
    ],
)
def test_a_counter_goes_on_after_the_last_count_its_tab_has_seen(board, query, headers, expected):
    with board.open(f"/sse/counter{query}", headers=headers) as stream:
        assert first_count(stream) == expected
