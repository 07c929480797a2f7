"""Servers for the tests that need a real one, and room for those that need the whole machine."""

import contextlib
import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from programs import Program
from servers import Server

hypothesis.settings.register_profile("noisy", deadline=None)  # a machine where others work is no fault
hypothesis.settings.load_profile("noisy")


@pytest.fixture(autouse=True)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a test marked `alone` run while no other does, in whichever process of pytest-xdist."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    folder = tmp_path_factory.getbasetemp().parent
    with (folder / "turn").open("w") as turn, (folder / "room").open("w") as room:
        # Whoever waits for the room holds the turn: else those who share it would come and go before the one who
        # needs all of it, for ever.
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test: serve("--reload", program="probe")."""
    with contextlib.ExitStack() as running:

        def start(*way: str, **given: Any) -> Server:
            return running.enter_context(Server(tmp_path, *way, **given))

        yield start


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The board as `python main.py` runs it, one for all tests of a file."""
    with Server(tmp_path_factory.mktemp("board")) as server:
        yield server


@pytest.fixture(scope="module")
def program(board: Server) -> Program:
    """A program that uses the board with its token."""
    return Program(board)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The board with tests/probe.py, one for all tests of a file."""
    with Server(tmp_path_factory.mktemp("probe"), program="probe") as server:
        yield server


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open more than the usual 1,024 sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
