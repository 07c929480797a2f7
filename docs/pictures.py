"""Take the pictures of README: start the board on a free port, open it in Chromium, light and dark.

python docs/pictures.py
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "docs" / "assets"
PICTURES = {"overview": "/"}
SIZE = {"width": 1280, "height": 720}
LIVE = '[data-live-badge][data-state="live"]'
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]


def main() -> None:
    """Write docs/assets/<name>-light.png and <name>-dark.png."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with board() as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, device_scale_factor=2, color_scheme=scheme)
            for name, path in PICTURES.items():
                page.goto(origin + path)
                page.wait_for_selector(LIVE)
                page.wait_for_selector("text=Update #3")
                target = ASSETS / f"{name}-{scheme}.png"
                page.screenshot(path=target)
                print(target.relative_to(ROOT))
        browser.close()


@contextmanager
def board() -> Iterator[str]:
    """Run the board with an empty database until the pictures are taken; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "main.py", "--port", str(port), "--database", f"{data}/tidewire.db"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stderr or ():
                if "Uvicorn running" in line:
                    break
            else:
                sys.exit("the board did not start: run python main.py to see why")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


if __name__ == "__main__":
    main()
