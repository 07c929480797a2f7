"""Ticks on a clock that the test turns."""

from collections.abc import Iterable

import pytest

from tidewire import every, off_grid

SECOND = 1_000_000_000


class Clock:
    """A wall clock that moves only while somebody sleeps, and by what the test adds to each sleep."""

    def __init__(self, now: float, stalls: Iterable[float] = ()) -> None:
        self.now = round(now * SECOND)
        self.stalls = iter(stalls)

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 10, "slept past a whole interval"
        self.now += round((seconds + next(self.stalls, 0)) * SECOND)

    async def ticks(self, count: int, interval: float, start: int = 0) -> list[tuple[int, float]]:
        ticks = every(interval, start=start, clock=self, sleep=self.sleep)
        return [(n, now.timestamp()) for n, now in [await anext(ticks) for _ in range(count)]]


async def test_ticks_lie_on_the_grid_of_the_wall_clock() -> None:
    assert await Clock(1000.25).ticks(3, 0.5) == [(1, 1000.5), (2, 1001.0), (3, 1001.5)]


async def test_lateness_does_not_add_up() -> None:
    clock = Clock(1000.0, stalls=[0.03] * 1000)
    ticks = await clock.ticks(1000, 0.1)
    assert ticks[-1][1] == pytest.approx(1100.03, abs=0.001)


async def test_after_a_stall_ticks_are_skipped_and_numbers_are_not() -> None:
    ticks = await Clock(1000.0, stalls=[0, 7.25]).ticks(4, 1.0)
    assert ticks == [(1, 1001.0), (2, 1009.25), (3, 1010.0), (4, 1011.0)]


async def test_a_sleep_that_ends_early_makes_no_double_tick() -> None:
    ticks = await Clock(1000.0, stalls=[-0.001, 0, -0.4, 0]).ticks(3, 1.0)
    assert [now for _, now in ticks] == [1001.0, 1002.0, 1003.0]


async def test_a_clock_set_back_stops_nobody() -> None:
    clock = Clock(10_000.0, stalls=[0, -3600])
    assert [now for _, now in await clock.ticks(3, 1.0)] == [10_001.0, 6403.0, 6404.0]


async def test_it_goes_on_after_the_last_number_seen() -> None:
    assert [n for n, _ in await Clock(0).ticks(2, 1.0, start=41)] == [42, 43]


@pytest.mark.parametrize("interval", [0, -1, 0.0001, float("nan")])
async def test_an_interval_that_makes_no_sense_is_refused(interval: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        await anext(every(interval))


async def test_off_grid_tells_both_sides() -> None:
    ticks = every(0.1, clock=Clock(5.0), sleep=Clock(5.0).sleep)
    del ticks
    [(_, stamp)] = await Clock(1000.0, stalls=[0.004]).ticks(1, 0.1)
    from datetime import UTC, datetime

    assert off_grid(datetime.fromtimestamp(stamp, UTC), 0.1) == pytest.approx(0.004, abs=1e-5)
    assert off_grid(datetime.fromtimestamp(1000.098, UTC), 0.1) == pytest.approx(-0.002, abs=1e-5)
