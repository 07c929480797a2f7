"""Twelve tabs of Firefox, and thirty of a Chromium on a screen, of which twenty-nine are truly hidden."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import FLAGS, program
from servers import until

pytestmark = [pytest.mark.slow, pytest.mark.alone]
TABS = Path(__file__).parents[1] / "tabs.cjs"


def said_by(*arguments: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [program("node"), str(TABS), *arguments],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env={**os.environ, **environment},
    )
    if "Cannot find module" in done.stderr:
        pytest.skip("no puppeteer-core: npm install it, and say where in NODE_PATH")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_twelve_tabs_of_firefox_live_on_one_connection(board):
    said = said_by(board.url, "12", program("firefox-esr", "firefox"), "firefox")
    assert said["moves"] == [True] * 12, said
    assert said["connections"] == 1
    assert said["carried"] % 12 == 0
    until(lambda: board.connections() == 0, 5)


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """A screen that nobody sees."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [program("Xvfb"), "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        yield f":{told.readline().strip()}"
    server.terminate()
    server.wait(10)


def test_thirty_tabs_of_one_window_are_live_though_29_are_hidden(board):
    with screen() as display:
        chromium = program("chromium", "chromium-browser", "google-chrome")
        said = said_by(board.url, "30", chromium, "chromium", *FLAGS, DISPLAY=display)
    assert said["hidden"].count(True) == 29
    assert said["moves"] == [True] * 30, said
    assert said["connections"] == 1
    until(lambda: board.connections() == 0, 5)
