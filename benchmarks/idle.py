"""Measure what an idle stream costs in memory: python benchmarks/idle.py [--streams 2000].

The board (`main.app`: session, guard, hand-over) with a per-tab stream that says nothing, beside a bare ASGI app under
the same uvicorn: growth of the server's RSS for each open stream, and the ratio of the two.
"""

import argparse
import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

WARM_UP = 100  # streams that are opened first: what a server allocates once is not the price of a stream


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2000, help="how many are held open (%(default)s)")
    count = parser.parse_args().streams
    bare = measure("bare", count)
    board = measure("board", count)
    print(f"bare ASGI under uvicorn   {bare:6.1f} KiB a stream")
    print(f"per-tab stream of a board {board:6.1f} KiB a stream   {board / bare:.2f}x")


def measure(target: str, count: int) -> float:
    """Tell how many KiB of RSS one more open stream costs the server of `target`."""
    with serve(target) as (pid, address), contextlib.ExitStack() as held:
        hold(held, address, WARM_UP)
        before = rss(pid)
        hold(held, address, count)
        return (rss(pid) - before) / count / 1024


def hold(held: contextlib.ExitStack, address: tuple[str, int], count: int) -> None:
    """Open streams, and wait until each has said its first bytes."""
    opened = [held.enter_context(socket.create_connection(address, 10)) for _ in range(count)]
    for sock in opened:
        sock.sendall(b"GET /sse/idle HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
    for sock in opened:
        received = b""
        while b": open" not in received:
            received += (chunk := sock.recv(4096))
            if not chunk:
                raise SystemExit(f"idle.py: the stream ended: {received!r}")


def rss(pid: int) -> int:
    """Read how many bytes of memory a process holds (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def serve(target: str) -> Iterator[tuple[int, tuple[str, int]]]:
    """Run one of the two apps below in a process of its own, as `uvicorn` does by default."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, __file__, "--port", str(address[1]), "--serve", target],
            env=os.environ | {"TIDEWIRE_DATABASE": f"{folder}/tidewire.db"},
        )
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(address, 1):
                    break
            yield server.pid, address
        finally:
            server.kill()
            server.wait()


def board() -> Any:
    """Make the board, with one more stream, which says nothing."""
    import main as tidewire_board
    from tidewire import every, per_tab, sse_message, stream_routes

    @per_tab("idle")
    async def idle(start: int = 0) -> AsyncIterator[str]:
        async for n, _ in every(3600.0, start=start):
            yield sse_message("tick", id=n)

    tidewire_board.board.router.routes[:0] = stream_routes([idle])[:1]
    return tidewire_board.app


def bare() -> Any:
    """Make the least that streams: an ASGI app that opens a response and waits for the client to leave."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for answer in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{answer}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b": open\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            await asyncio.sleep(0)

    return app


def serve_here(target: str, port: int) -> None:
    """Serve one of the two in this process."""
    import uvicorn

    uvicorn.run({"bare": bare, "board": board}[target](), port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve_here(sys.argv[-1], int(sys.argv[2]))
    else:
        main()
