"""The board's own log: what Python's logging says in this process, on its way to the log's table.

A record may come from any thread, also from one that holds a lock or is about to write to the journal. So the handler
only puts it into a bounded queue, and wakes one coroutine, which writes what has gathered. A fault of that writing is
itself logged, into the same queue, and is written with the rest when it can be: nothing calls itself.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from starlette.datastructures import State

from components.log import LONGEST_SOURCE, Level, Said
from components.plain import one_line
from tidewire import Change, Hub, JournalUnavailable

WAITING = 2_000  # lines that wait; beyond them the newest are counted, and not kept
GATHER_SECONDS = 0.25  # lines that come within this time are one event
AT_ONCE = 500  # lines of one event
AGAIN_SECONDS = 1.0  # where the journal takes nothing
TALKATIVE = ("", "uvicorn")  # loggers: uvicorn's does not pass on what it is told

Add = Callable[[Change, Sequence[Said]], str]


async def listening(state: State, add: Add) -> None:
    """Write down by `add` what is logged in this process, until cancelled; then the rest of it."""
    handler = Handler(f"[{os.getpid()}]" if state.settings.workers > 1 else "")
    # Records that meet no handler are printed by Python's last resort; beside ours it has to be asked.
    attached: list[tuple[logging.Logger, logging.Handler]] = [(logging.getLogger(name), handler) for name in TALKATIVE]
    if logging.lastResort is not None and not logging.getLogger().handlers:
        attached.append((logging.getLogger(), logging.lastResort))
    logging.getLogger("tidewire").setLevel(logging.INFO)
    for logger, one in attached:
        logger.addHandler(one)
    try:
        while True:
            await handler.news.wait()
            await asyncio.sleep(GATHER_SECONDS)
            if not await write(handler, state.hub, add):
                await asyncio.sleep(AGAIN_SECONDS)
    finally:
        for logger, one in attached:
            logger.removeHandler(one)
        await write(handler, state.hub, add)


async def write(handler: "Handler", hub: Hub, add: Add) -> bool:
    """Write what waits, a batch at a time; tell whether the journal took it. What it did not take waits on."""
    while said := handler.take(AT_ONCE):
        try:
            await hub.change(add, said)
        except JournalUnavailable:
            handler.put_back(said)
            return False
    return True


class Handler(logging.Handler):
    """Take records from any thread, without waiting for anything; made in the loop that writes them."""

    def __init__(self, mark: str = "") -> None:
        super().__init__()
        self.news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._mark = mark
        self._waiting: deque[Said] = deque()
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record's lines."""
        try:
            for said in lines_of(record, self._mark):
                if len(self._waiting) < WAITING:
                    self._waiting.append(said)
                else:
                    self._lost += 1
            with suppress(RuntimeError):  # the loop is closed: nobody reads on
                self._loop.call_soon_threadsafe(self.news.set)
        except Exception:
            self.handleError(record)

    def take(self, most: int) -> list[Said]:
        """Take the oldest lines out of the queue."""
        self.news.clear()  # before it is emptied: what comes in between is seen now or wakes again
        said: list[Said] = []
        while len(said) < most and self._waiting:
            said.append(self._waiting.popleft())
        if self._lost and not self._waiting:
            lost, self._lost = self._lost, 0
            text = f"{lost:,} lines came too fast, and were not kept"
            said.append(Said(time=datetime.now(UTC), source=f"log{self._mark}", level="warning", line=text))
        return said

    def put_back(self, said: Sequence[Said]) -> None:
        """Let lines wait on, before those that came after them."""
        self._waiting.extendleft(reversed(said))
        self.news.set()


def lines_of(record: logging.LogRecord, mark: str = "") -> Iterator[Said]:
    """Make lines of a record.

    Of an exception they tell the kind alone: its text and traceback are for the terminal, as the log can be read by
    whoever reaches the board.
    """
    text = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text.rstrip()} ({record.exc_info[0].__name__}: the terminal has the traceback)"
    time = datetime.fromtimestamp(record.created, UTC)
    source = f"{record.name.removesuffix('.error')[: LONGEST_SOURCE - 20]}{mark}"
    for line in text.splitlines():
        yield Said(time=time, source=source, level=level_of(record.levelno), line=str(one_line(line)))


def level_of(number: int) -> Level:
    """Find the word for a level of Python's."""
    if number >= logging.WARNING:
        return "error" if number >= logging.ERROR else "warning"
    return "info" if number >= logging.INFO else "debug"
