"""A client that speaks raw HTTP: it sees every byte of a stream, and may stall."""

import socket
import time


class Stream:
    """One raw connection. buffer: bytes its receive buffer may hold, small for a client that is to stall."""

    def __init__(
        self, address: tuple[str, int], path: str, *, buffer: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(10)
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.connect(address)
        fields = {"Host": f"{address[0]}:{address[1]}", **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.sock.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self.raw = b""

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def read_until(self, mark: bytes, seconds: float = 10) -> bytes:
        """Read until the bytes so far hold a mark."""
        deadline = time.monotonic() + seconds
        while mark not in self.raw:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            chunk = self.sock.recv(65536)
            assert chunk, f"the stream ended before {mark!r}: {self.raw!r}"
            self.raw += chunk
        return self.raw

    def read_to_end(self, seconds: float = 10) -> bytes:
        self.sock.settimeout(seconds)
        while chunk := self.sock.recv(65536):
            self.raw += chunk
        return self.raw

    @property
    def text(self) -> str:
        """The body so far, without the frames of its chunks."""
        _, _, rest = self.raw.partition(b"\r\n\r\n")
        body = b""
        while b"\r\n" in rest:
            size, _, rest = rest.partition(b"\r\n")
            body += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        return body.decode()
