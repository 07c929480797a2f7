"""Clients that vanish or stop reading, in each of the four ways to run: their streams are let go."""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from checkout import ROOT
from servers import UVICORN, WAYS, Server, streams, until

GONE_SECONDS = 40


def in_every_way(check, tmp_path):
    """Run a check that mostly waits in all four ways to run at once."""
    with ThreadPoolExecutor(len(WAYS)) as pool:
        for checked in [pool.submit(check, tmp_path / str(number), way) for number, way in enumerate(WAYS)]:
            checked.result()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs TCP_USER_TIMEOUT")
@pytest.mark.slow
def test_clients_that_stop_reading_are_let_go(tmp_path):
    in_every_way(clients_that_stop_reading, tmp_path)


def clients_that_stop_reading(folder, way):
    folder.mkdir()
    with (
        Server(folder, way, program="probe") as server,
        streams(server, "/sse/flood", 3, buffer=4096),
        streams(server, "/sse/clock", 3, buffer=1),
        server.open("/sse/counter") as reader,
    ):
        assert server.connections() == 7

        def only_the_reader():
            reader.read_until(b"\n\n")
            reader.raw = b""
            return server.connections() == 1

        until(only_the_reader, GONE_SECONDS)
        assert server.complaints() == []


class Elsewhere:
    """A host of its own on a wire of its own, which can be cut (a network namespace)."""

    numbers = itertools.count(os.getpid() % 200 + 1)

    def __init__(self):
        n = next(self.numbers) % 250
        self.name, self.wire = f"tw{n}", f"twv{n}"
        self.here, self.there = f"10.213.{n}.1", f"10.213.{n}.2"

    def __enter__(self):
        self("ip", "netns", "add", self.name)
        self("ip", "link", "add", self.wire, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        self("ip", "addr", "add", f"{self.here}/24", "dev", self.wire)
        self("ip", "link", "set", self.wire, "up")
        self("ip", "-n", self.name, "addr", "add", f"{self.there}/24", "dev", "eth0")
        self("ip", "-n", self.name, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        subprocess.run(["ip", "link", "del", self.wire], check=False, capture_output=True)

    def __call__(self, *command):
        subprocess.run(command, check=True, capture_output=True, text=True)

    def cut(self):
        """Let no packet through any more: nobody is told."""
        self("ip", "-n", self.name, "link", "set", "eth0", "down")

    def clients(self, server, path, count):
        """Readers of a stream over there; returned once each has its first bytes."""
        script = (
            "import sys; sys.path[:0] = sys.argv[1:2]\n"
            "from raw_http import Stream\n"
            "held = [Stream((sys.argv[2], int(sys.argv[3])), sys.argv[4]) for _ in range(int(sys.argv[5]))]\n"
            "[stream.read_until(b'data:') for stream in held]\n"
            "print('open', flush=True)\n"
            "sys.stdin.read()\n"
        )
        given = [str(ROOT / "tests"), server.host, str(server.port), path, str(count)]
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, sys.executable, "-c", script, *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout.readline() == b"open\n"
        return process


@contextlib.contextmanager
def elsewhere():
    able = sys.platform.startswith("linux") and os.geteuid() == 0 and shutil.which("ip")
    if not able and "CI" not in os.environ:
        pytest.skip("cutting a wire needs Linux, root and iproute2")
    with Elsewhere() as host:
        yield host


@pytest.mark.slow
def test_clients_that_vanish_are_let_go(tmp_path):
    in_every_way(clients_that_vanish, tmp_path)


def clients_that_vanish(folder, way):
    folder.mkdir()
    with elsewhere() as host, Server(folder, way, program="probe", host=host.here) as server:
        quiet, lively = host.clients(server, "/sse/waiting", 5), host.clients(server, "/sse/clock", 5)
        try:
            assert server.connections() == 10
            host.cut()
            until(lambda: server.connections() == 0, GONE_SECONDS, every=0.5)
        finally:
            for process in (quiet, lively):
                process.kill()
                process.communicate()
        assert server.notes.count("finally") == 5
        assert server.complaints() == []


@pytest.mark.slow
def test_a_server_stops_in_time_though_clients_have_vanished(tmp_path):
    with elsewhere() as host, Server(tmp_path, UVICORN, program="probe", host=host.here) as server:
        clients = host.clients(server, "/sse/clock", 10)
        host.cut()
        try:
            assert server.stop() < 5
        finally:
            clients.kill()
            clients.communicate()
        assert server.complaints() == []
