"""Several sends in one write: nothing is lost, held back, or out of its order."""

import asyncio
import contextlib

from hubs import turns_until
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tidewire import Tidewire
from tidewire.layer import Exchange
from tidewire.wire import OneWrite


class Request:
    """What is known of uvicorn's."""

    def __init__(self):
        self.written = []
        self.transport = self

    def write(self, chunk):
        self.written.append(chunk)

    def close(self):
        self.written.append("closed")

    async def send(self, chunk):
        self.transport.write(chunk)


Request.__module__ = HttpToolsProtocol.__module__


async def test_what_is_sent_together_is_written_together_whatever_happens():
    request = Request()
    with OneWrite(request.send):
        await request.send(b"head, ")
        await request.send(b"opening")
        assert request.written == []
    with OneWrite(request.send):
        pass
    with contextlib.suppress(ZeroDivisionError), OneWrite(request.send):
        await request.send(b"head")
        assert 1 / 0
    await request.send(b"more")
    assert request.written == [b"head, opening", b"head", b"more"]


async def test_what_is_sent_comes_before_the_end_of_its_transport():
    request = Request()
    with OneWrite(request.send):
        await request.send(b"head, ")
        await request.send(b"all of it")
        request.transport.close()
    assert request.written == [b"head, all of it", "closed"]


async def test_a_head_does_not_wait_for_what_middleware_holds_back():
    request = Request()
    later = asyncio.Event()

    async def sending():
        await request.send(b"head")
        await later.wait()
        await request.send(b"opening")

    opened = asyncio.ensure_future(Exchange(Tidewire(None), request.send).in_one_write(sending()))
    await turns_until(lambda: request.written)
    assert request.written == [b"head"]
    assert request.transport is request
    later.set()
    await opened
    assert request.written == [b"head", b"opening"]
