"""Wires: what is known of uvicorn behind its `send`, for fewer and cheaper writes than it makes by itself."""

import os
import socket
from typing import Any

from starlette.types import Send


class Wire(socket.SocketType):
    """A second descriptor of a client's socket, for chunks that the kernel takes at once.

    It is ours, so it means this client until we close it; the server's own may be another client's as soon as this one
    has left. There is one only while the server holds nothing back: what is written first has to be sent first.
    request: uvicorn's, of this client.
    """

    __slots__ = ("member", "request")

    def __init__(self, member: Any, request: Any) -> None:
        descriptor = os.dup(request.transport.get_extra_info("socket").fileno())
        super().__init__(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)  # to `send`, all families are one
        self.member = member
        self.request = request


class OneWrite:
    """`with OneWrite(send):` what uvicorn is told to send inside leaves in one write, and wakes its client once.

    Inside is one step of the loop: whoever waited there would hold its client's first words back, and the client could
    leave meanwhile.
    """

    __slots__ = ("_chunks", "_request", "_transport")

    def __init__(self, send: Send) -> None:
        self._request = _request_of(send)
        self._chunks: list[bytes] = []

    def __enter__(self) -> None:
        if self._request is not None:
            self._transport = self._request.transport
            self._request.transport = self

    def __exit__(self, *_: object) -> None:
        if self._request is not None:
            self._request.transport = self._transport
            self._write()

    def write(self, chunk: bytes) -> None:
        """Keep it until the end."""
        self._chunks.append(chunk)

    def __getattr__(self, name: str) -> Any:
        self._write()  # before whatever else is done with the transport: after its end nothing would be sent
        return getattr(self._transport, name)

    def _write(self) -> None:
        if self._chunks:
            self._transport.write(b"".join(self._chunks))
            self._chunks.clear()


def chunked_request(send: Send) -> Any:
    """Find uvicorn's request behind its `send`, if what it sends is written as chunks and nothing else; else None."""
    request = _request_of(send)
    return request if request is not None and request.chunked_encoding and request.scope["method"] == "GET" else None


def wire_to(member: Any, request: Any) -> Wire | None:
    """Make a wire to this client, if the server would write what it is given to the socket as it is, now; else None."""
    transport = request.transport
    if os.name != "posix" or transport.get_extra_info("sslcontext") or transport.get_write_buffer_size():
        return None
    try:
        return Wire(member, request)
    except OSError:  # too many files, or the client has just left
        _tell_if_closed(request)
        return None


def write(request: Any, chunk: bytes) -> bool:
    """Have the server write, if the client is still there; tell whether it is."""
    if request.disconnected:
        return False
    try:
        request.transport.write(chunk)
    except RuntimeError:  # uvloop's, of a closed socket
        _tell(request)
        return False
    return True


def tell_of_end(send: Send) -> bool:
    """Tell a stream that its socket is closed, if it is; return whether it is.

    uvicorn tells the newest request on it alone, and so no stream that a client has sent a second request behind.
    """
    request = _request_of(send)
    return request is not None and _tell_if_closed(request)


def _tell_if_closed(request: Any) -> bool:
    if not request.transport.is_closing():
        return False
    _tell(request)
    return True


def _tell(request: Any) -> None:
    request.disconnected = True
    request.message_event.set()
    request.flow.resume_writing()


def _request_of(send: Send) -> Any:
    request: Any = getattr(send, "__self__", None)
    return request if type(request).__module__ == "uvicorn.protocols.http.httptools_impl" else None
