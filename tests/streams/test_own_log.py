"""What a board says of itself: taken from any thread, written in batches, and bounded."""

import asyncio
import logging
import threading
from datetime import UTC, datetime

from components.log import Said
from streams.own_log import WAITING, Handler, lines_of, write
from tidewire import JournalUnavailable


def record(text: str = "said", level: int = logging.INFO, exc_info=None) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.error", level, __file__, 1, text, None, exc_info)


class Hub:
    """A hub whose journal can be out of order."""

    def __init__(self) -> None:
        self.broken = False
        self.batches: list[list[Said]] = []

    async def change(self, fn, said) -> None:
        if self.broken:
            logging.getLogger("tidewire.test").error("the journal cannot be written")
            raise JournalUnavailable("no")
        self.batches.append(list(said))

    @property
    def lines(self) -> list[str]:
        return [one.line for batch in self.batches for one in batch]


async def test_what_is_said_from_any_thread_is_written_in_batches() -> None:
    handler, hub = Handler(), Hub()
    threads = [
        threading.Thread(target=lambda: [handler.emit(record(f"said {n}")) for n in range(400)]) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    await asyncio.wait_for(handler.news.wait(), 10)
    for thread in threads:
        thread.join()
    assert await write(handler, hub, None)
    assert sorted(hub.lines) == sorted(f"said {n}" for n in range(400) for _ in range(3))
    assert len(hub.batches) <= 4


async def test_a_fault_of_the_writing_is_logged_without_calling_itself_and_nothing_is_lost() -> None:
    handler, hub = Handler(), Hub()
    logger = logging.getLogger("tidewire.test")
    logger.addHandler(handler)
    try:
        logger.warning("first")
        hub.broken = True
        assert not await write(handler, hub, None)
        hub.broken = False
        assert await write(handler, hub, None)
    finally:
        logger.removeHandler(handler)
    assert hub.lines == ["first", "the journal cannot be written"]


async def test_a_flood_is_bounded_and_what_is_not_kept_is_counted() -> None:
    handler, hub = Handler(), Hub()
    for n in range(WAITING + 17):
        handler.emit(record(f"{n}"))
    await write(handler, hub, None)
    assert hub.lines[:-1] == [str(n) for n in range(WAITING)]
    assert hub.lines[-1] == "17 lines came too fast, and were not kept"


async def test_a_handler_whose_loop_is_gone_harms_nobody() -> None:
    handler = await asyncio.to_thread(lambda: asyncio.run(_made()))
    handler.emit(record())


async def _made() -> Handler:
    return Handler()


def test_an_exception_tells_its_kind_and_keeps_its_text_to_the_terminal() -> None:
    try:
        raise ValueError("a secret of the server")
    except ValueError as fault:
        given = (ValueError, fault, fault.__traceback__)
    [line] = lines_of(record("stream /sse/x failed\n", logging.CRITICAL, given), "[7]")
    assert (line.level, line.source) == ("error", "uvicorn[7]")
    assert line.line == "stream /sse/x failed (ValueError: the terminal has the traceback)"


def test_each_line_of_a_record_is_a_line_of_the_log() -> None:
    lines = list(lines_of(record("one\ntwo\x1b[0m", logging.WARNING)))
    assert [(one.level, one.line) for one in lines] == [("warning", "one"), ("warning", "two")]
    assert lines[0].time <= datetime.now(UTC)
