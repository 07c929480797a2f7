from datetime import UTC, datetime

import pytest
from fastcore.xml import to_xml

from components.connections import (
    ConnectionChanges,
    ConnectionDetails,
    ConnectionFigures,
    ConnectionRow,
    ConnectionsPage,
    LiveConnectionFigures,
)
from components.numbers import duration, share, size
from components.reports import Connection, Figures, Process, Report, StreamOn

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def connection(id="a-1", *paths, **given):
    streams = [StreamOn(path=path, events=3, behind=0) for path in paths or ("/sse/tasks",)]
    told = {"worker": "7-x", "client": "10.0.0.1", "link": False, "bytes": 1234, "errors": 0, "parked": False}
    return Connection(**({"id": id, "since": THEN, "streams": streams} | told | given))


def report(*connections, pid=7, memory=50_000_000, **figures):
    process = Process(worker=f"{pid}-x", pid=pid, since=THEN, memory=memory, cpu=0.25, cpu_seconds=2.0, files=30)
    return Report(process=process, figures=Figures(**figures), connections=list(connections))


def test_the_figures_are_those_of_all_processes_together():
    html = to_xml(ConnectionFigures([report(connections=2, events=1200), report(pid=8, connections=1, events=34)]))
    for told in (">3<", ">1,234<", ">100 MB<"):
        assert told in html


def test_what_a_system_does_not_tell_is_said_to_be_unknown():
    assert "unknown" in to_xml(ConnectionFigures([report(memory=None)]))


def test_averages_are_of_all_that_ever_was():
    figures = Figures(connections_opened=2, connection_seconds=90, streams_opened=200, errors=1)
    together = figures + Figures(connections_opened=1, connection_seconds=0, streams_opened=200)
    assert together.average_seconds == 30
    assert together.error_rate == 1 / 400
    assert (Figures().average_seconds, Figures().error_rate) == (0, 0)


def test_the_details_have_a_row_for_each_process():
    html = "".join(map(to_xml, ConnectionDetails([report(), report(pid=8)])))
    assert html.count('data-label="Process"') == 2
    assert ">25%<" in html


def test_a_row_tells_what_a_connection_carries_and_can_close_it():
    one = connection("a-1", "/sse/tasks", "/sse/tasks", "/sse/<b>", link=True)
    html = to_xml(ConnectionRow(one))
    assert 'id="connection-a-1"' in html
    assert "<code>/sse/tasks</code> × 2" in html
    assert "<code>/sse/&lt;b&gt;</code>" in html
    assert "link with 3" in html
    assert ">9<" in html
    assert 'hx-post="/connections/7-x/a-1/close"' in html
    assert 'aria-label="Close the connection of 10.0.0.1 to /sse/&lt;b&gt;, /sse/tasks"' in html
    closing = to_xml(ConnectionRow(one, closing=True))
    assert "hx-post" not in closing
    assert ">closing<" in closing


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "up to date"),
        ({"parked": True}, "parked, 0 behind"),
        ({"streams": [StreamOn(path="/sse/x", events=0, behind=1500)]}, "1,500 behind"),
        ({"errors": 2}, "2 failed"),
    ],
)
def test_a_row_says_how_its_connection_is(given, told):
    assert told in to_xml(ConnectionRow(connection(**given)))


def test_only_what_differs_is_drawn_again():
    same, busier, gone = connection("a-1"), connection("b-1", bytes=2), connection("c-1")
    before = {one.id: one for one in (same, connection("b-1"), gone)}
    drawn = [to_xml(row) for row in ConnectionChanges(before, [report(same, busier, connection("d-1"))])]
    assert ["b-1" in drawn[0], "d-1" in drawn[1], "c-1" in drawn[2]] == [True] * 3
    assert 'hx-swap-oob="delete"' in drawn[2]
    assert len(drawn) == 3


def test_page_and_card_are_live():
    page = "".join(map(to_xml, ConnectionsPage([report(connection())], "http://localhost/")))
    assert 'sse-connect="/sse/connections"' in page
    assert 'id="connection-rows"' in page
    assert 'sse-connect="/sse/connections?only=figures"' in to_xml(LiveConnectionFigures())


def test_numbers_are_told_as_people_read_them():
    assert [size(n) for n in (0, 999, 1000, 99_499, 123_456, 5_000_000_000)] == [
        "0 B", "999 B", "1 kB", "99.5 kB", "123 kB", "5 GB",
    ]  # fmt: skip
    assert [duration(s) for s in (0.04, 9.96, 59.4, 59.6, 61, 3600, 90_000)] == [
        "0.0 s", "10 s", "59 s", "1 min 0 s", "1 min 1 s", "1 h 0 min", "1 d 1 h",
    ]  # fmt: skip
    assert [share(p) for p in (0, 0.00001, 0.005, 0.5, 1)] == ["0 %", "under 0.01 %", "0.5 %", "50 %", "100 %"]
