"""Start and stop of real servers, in all four ways to run them."""

import asyncio
import contextlib
import gc
import re
import signal
import socket
import time

import httpx
import pytest
from asgi import turn
from servers import RELOAD, WAYS, WORKERS, free_port, streams, until

from tidewire import Tidewire

STOP_SECONDS = 5  # what is promised is 2; a busy machine that runs the tests gets more
STALLED_STOP_SECONDS = 4  # less than the 5 s after which a stalled stream gives up by itself
CTRL_C = "SIGINT"  # to every process, as a terminal does it


def stop(server, how):
    return server.stop(getattr(signal, how), group=how == CTRL_C)


@pytest.mark.parametrize("how", [CTRL_C, "SIGTERM"])
@pytest.mark.parametrize("way", WAYS)
def test_a_stop_ends_open_streams_in_an_orderly_way(serve, way, how, record_property):
    server = serve(way, program="probe")
    with streams(server, "/sse/waiting", 20) as opened:
        seconds = stop(server, how)
        record_property("seconds", round(seconds, 2))
        assert seconds < STOP_SECONDS
        for stream in opened:
            raw = stream.read_to_end()
            assert raw.endswith(b"\r\n0\r\n\r\n")
            assert re.search(r"^: stop\nretry: \d+\n\n\Z", stream.text, re.M)
    assert server.notes.count("finally") == 20
    assert len([word for word in server.notes if word.startswith("shutdown-")]) == server.processes
    assert server.complaints() == []


@pytest.mark.parametrize("way", WAYS)
def test_a_stop_takes_no_longer_for_clients_that_read_nothing_nor_for_streams_that_are_not_ours(
    serve, way, record_property
):
    server = serve(way, program="probe")
    with (
        streams(server, "/sse/flood", 10, buffer=4096),
        streams(server, "/foreign", 2) as foreign,
        streams(server, "/sse/waiting", 3) as ours,
    ):
        until(lambda: server.stuck("/sse/flood"))
        seconds = server.stop(signal.SIGTERM)
        record_property("seconds", round(seconds, 2))
        assert seconds < STALLED_STOP_SECONDS
        assert all(stream.read_to_end().endswith(b"0\r\n\r\n") for stream in [*foreign, *ours])
    assert [server.notes.count(f"{word}finally") for word in ("flood-", "foreign-", "")] == [10, 2, 3]
    assert server.complaints() == []


def test_a_saved_file_is_served_while_streams_are_open(serve, record_property):
    server = serve(RELOAD)
    with streams(server, "/sse/counter", 5) as opened:
        file = server.project / "components" / "overview.py"
        file.write_text(file.read_text().replace("What happens on the server", "Saved just now"))
        saved = time.monotonic()

        def served():
            with contextlib.suppress(httpx.TransportError):
                return "Saved just now" in server.get("/").text

        until(served, 10)
        record_property("seconds", round(time.monotonic() - saved, 2))
        assert time.monotonic() - saved < 6
        assert all(stream.read_to_end().endswith(b"0\r\n\r\n") for stream in opened)
    assert server.complaints() == ["WARNING:  WatchFiles detected changes in 'components/overview.py'. Reloading..."]


def test_clients_that_never_finish_a_request_do_not_keep_a_page_from_loading(serve, many_files):
    server = serve(files=512)  # so it holds only if the server raises its own limit
    with contextlib.ExitStack() as held:
        for n in range(1000):
            idle = held.enter_context(socket.create_connection((server.host, server.port), 5))
            if n % 10 == 0:
                idle.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never: ")
        began = time.monotonic()
        assert server.get("/").status_code == 200
        assert time.monotonic() - began < 5
    assert server.complaints() == []


@pytest.mark.slow
def test_clients_that_never_finish_a_request_are_let_go(serve):
    server = serve()
    whole = b"GET /sse-health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with contextlib.ExitStack() as held:
        idle = [held.enter_context(socket.create_connection((server.host, server.port))) for _ in range(3)]
        for sock, said in zip(idle, (b"", b"GET / HTTP/1.1\r\nHost: ", whole + b"GET / HTTP/1.1\r\n"), strict=True):
            sock.sendall(said)
        for sock in idle:
            sock.settimeout(70)
            while sock.recv(65536):  # until the server closes
                pass


@pytest.mark.parametrize("way", [WORKERS])
def test_a_second_signal_does_no_harm(serve, way):
    server = serve(way, program="probe")
    with streams(server, "/sse/waiting", 4):
        server.tell(signal.SIGTERM)
        assert server.stop(signal.SIGTERM) < STOP_SECONDS
    assert server.notes.count("finally") == 4
    assert server.complaints() == []


async def test_a_signal_reaches_the_streams_and_then_whoever_was_told_before():
    told = []
    before = signal.signal(signal.SIGTERM, lambda *signalled: told.append(app.registry.stopping))
    limits = gc.get_threshold()
    answers = asyncio.Queue()
    asked = asyncio.Queue()

    async def plain(scope, receive, send):
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})

    app = Tidewire(plain)
    try:
        mine = signal.getsignal(signal.SIGTERM)
        life = asyncio.create_task(app({"type": "lifespan"}, asked.get, answers.put))
        asked.put_nowait({"type": "lifespan.startup"})
        await answers.get()
        assert signal.getsignal(signal.SIGTERM) is not mine
        signal.raise_signal(signal.SIGTERM)
        assert len(told) == 1
        await turn()
        assert app.registry.stopping
        asked.put_nowait({"type": "lifespan.shutdown"})
        await answers.get()
        await life
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
        gc.set_threshold(*limits)
        gc.unfreeze()


def test_a_server_starts_again_on_its_port(serve):
    server = serve(port=free_port())
    with streams(server, "/sse/counter", 3):
        server.stop()
    server.start()
    assert server.get("/").status_code == 200
