"""Streams whose generator is under the test's control."""

import asyncio
import re
from collections.abc import AsyncIterator

from tidewire import EventStream, Tidewire, sse_message


class Talk:
    """A generator under the test's control: it yields what is put into it, and tells how it ended."""

    def __init__(self) -> None:
        self.words: asyncio.Queue[str | BaseException] = asyncio.Queue()
        self.started = self.closed = self.cancelled = False

    def say(self, word: str | BaseException) -> None:
        self.words.put_nowait(word)

    async def __call__(self) -> AsyncIterator[str]:
        self.started = True
        try:
            while True:
                word = await self.words.get()
                if isinstance(word, BaseException):
                    raise word
                yield sse_message(word)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.closed = True


def streamed(generator, **given) -> Tidewire:
    """An app that streams a generator to whoever asks."""

    async def app(scope, receive, send):
        await EventStream(generator(), **given)(scope, receive, send)

    return Tidewire(app)


def retries(text: str) -> list[int]:
    return [int(value) for value in re.findall(r"^retry: (\d+)$", text, re.M)]
