"""Twelve tabs of Firefox, and thirty of a Chromium on a screen, of which twenty-nine are truly hidden."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import FLAGS, sync_playwright
from recorded import Tab
from servers import until

pytestmark = pytest.mark.slow
FIREFOX = Path(__file__).parents[1] / "firefox.cjs"


def program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(f"no {names[0]}")
    return found


def test_twelve_tabs_of_firefox_live_on_one_connection(board):
    node = program("node")
    done = subprocess.run(
        [node, str(FIREFOX), board.url, "12", program("firefox-esr", "firefox")],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    if "Cannot find module" in done.stderr:
        pytest.skip("no puppeteer-core: npm install it, and say where in NODE_PATH")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
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
    with screen() as display, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium", "chromium-browser", "google-chrome"),
            args=[*FLAGS, "--ozone-platform=x11"],
            ignore_default_args=["--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"],
            headless=False,
            env={**os.environ, "DISPLAY": display},
        )
        window = browser.new_context()
        opened = [Tab(window, board.url).wait_until_live(20) for _ in range(30)]
        hidden = [tab for tab in opened if tab.page.evaluate("document.visibilityState") == "hidden"]
        assert board.connections() == 1
        for tab in opened:
            before = len(tab.messages("counter"))
            until(lambda tab=tab, before=before: len(tab.messages("counter")) > before, 5)
            numbers = tab.numbers()
            assert numbers == list(range(1, len(numbers) + 1))
        browser.close()
    print(f"{len(hidden)} of 30 hidden")
    assert len(hidden) == 29
    until(lambda: board.connections() == 0, 5)
