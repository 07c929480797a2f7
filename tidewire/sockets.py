"""What a server of endless streams asks of the operating system: enough files, and an end to silence."""

import asyncio
import contextlib
import math
import socket
from typing import Any

# Heartbeats (15 s) plus this is how long a client that has vanished, or stopped reading, is kept.
TCP_USER_TIMEOUT_SECONDS = 20


def raise_file_limit() -> None:
    """Let the process open as many sockets as the system allows: a stream is one, and the usual limit is 1,024."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # macOS refuses "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def file_limit() -> float:
    """Tell how many files the process may have open."""
    try:
        import resource
    except ImportError:
        return math.inf
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return math.inf if soft == resource.RLIM_INFINITY else soft


def bound_silence(sock: Any) -> None:
    """Have the kernel give up a client that acknowledges or reads nothing (Linux); None is no socket.

    What a listening socket accepts inherits this from the moment of its handshake. So it is asked for streams too:
    the tabs of a server that starts again have connected before anybody could ask anything of its listening socket.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None or sock is None or sock.fileno() < 0:
        return
    # uvloop hands out sockets without setsockopt: ours stands on the same descriptor for a moment. Of what family it
    # is makes no difference to the option, and asking costs more than setting it.
    same = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, sock.fileno())
    try:
        same.setsockopt(socket.IPPROTO_TCP, option, TCP_USER_TIMEOUT_SECONDS * 1000)
    except OSError:  # no TCP: a Unix socket's client cannot vanish
        pass
    finally:
        same.detach()


def socket_of(transport: asyncio.BaseTransport | None) -> Any:
    """Find the socket of a transport; None where there is none."""
    return transport.get_extra_info("socket") if transport is not None else None
