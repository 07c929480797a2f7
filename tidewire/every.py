"""A tick on the wall clock's grid, for generators that say something regularly."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime


async def every(
    interval: float,
    start: int = 0,
    *,
    clock: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncIterator[tuple[int, datetime]]:
    """Yield (n, now) at each multiple of `interval` seconds of the wall clock, so that ticks never drift.

    start: the last number already seen; the first tick is start + 1.
    now: the time of the tick in UTC.
    clock, sleep: nanoseconds since 1970, and a sleep in seconds; for tests.

    After a stall the ticks that were missed are skipped, never made up for in a bunch; the numbers go on without
    a gap. Raises ValueError for an interval below a millisecond.
    """
    if not interval >= 0.001:
        raise ValueError(f"interval: expected 0.001 seconds or more, got {interval!r}")
    step = round(interval * 1e9)
    n = start
    while True:
        due = (clock() // step + 1) * step
        while (early := due - clock()) > 0:
            # Never sleep past one interval: were the clock set back an hour, the ticks would stop for an hour.
            if early > step:
                due = (clock() // step + 1) * step
                continue
            await sleep(early / 1e9)
        n += 1
        yield n, datetime.fromtimestamp(clock() / 1e9, UTC)


def off_grid(now: datetime, interval: float) -> float:
    """Tell how many seconds `now` lies from the nearest multiple of `interval` seconds (negative: before it)."""
    return (now.timestamp() + interval / 2) % interval - interval / 2
