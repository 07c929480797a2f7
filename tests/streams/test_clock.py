"""The clock of a real server."""

import itertools
import math
import re
import statistics
from datetime import datetime

import pytest

TICK = re.compile(r'datetime="([^"]+)"')


def ticks(stream, count):
    """The server's times of the first ticks of a stream."""
    while len(found := TICK.findall(stream.text)) < count:
        stream.raw += stream.sock.recv(65536)
    return [datetime.fromisoformat(time).timestamp() for time in found]


def off(time):
    return abs((time + 0.05) % 0.1 - 0.05)


def test_the_clock_ticks_ten_times_a_second_on_its_grid(board):
    with board.open("/sse/clock") as stream:
        times = ticks(stream, 10)
        assert "event: clock\n" in stream.text
    assert re.search(r"\d\d:\d\d:\d\d\.\d{6}<", stream.text)
    assert statistics.median(b - a for a, b in itertools.pairwise(times)) == pytest.approx(0.1, abs=0.02)
    assert statistics.median(map(off, times)) < 0.02


def test_the_clock_says_how_far_each_tick_is_off_its_grid(board):
    with board.open("/sse/clock") as stream:
        times = ticks(stream, 3)
    said = [float(value) for value in re.findall(r"([+-]\d+\.\d{3}) ms", stream.text)]
    for time, value in zip(times, said, strict=False):
        assert math.isclose(off(time) * 1000, abs(value), abs_tol=0.01)


@pytest.mark.slow
def test_a_minute_of_the_clock_is_600_ticks_and_the_last_are_as_close_to_the_grid_as_the_first(board, record_property):
    with board.open("/sse/clock") as stream:
        first, *_ = ticks(stream, 1)
        while True:
            times = ticks(stream, len(TICK.findall(stream.text)) + 1)
            if times[-1] >= first + 60:
                break
    minute = [time for time in times if time < first + 59.95]
    early, late = (statistics.median(map(off, part)) for part in (minute[:100], minute[-100:]))
    record_property("figures", f"{len(minute)} events, {early * 1000:.2f} ms early, {late * 1000:.2f} ms late")
    # What is promised is 600, or one less or more; a busy machine that runs the tests misses some, and has none twice.
    assert 550 <= len(minute) <= 601
    assert late < early + 0.015
