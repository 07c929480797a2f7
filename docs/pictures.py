"""Take the pictures of README: start the board on a free port, have programs tell it something, and open it in
Chromium, light and dark.

python docs/pictures.py
"""

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "docs" / "assets"
PICTURES = {"overview": "/"}
SIZE = {"width": 1280, "height": 800}
LIVE = '[data-live-badge][data-state="live"]'
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]


def main() -> None:
    """Write docs/assets/<name>-light.png and <name>-dark.png."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with board() as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, color_scheme=scheme)
            for name, path in PICTURES.items():
                page.goto(origin + path)
                page.wait_for_selector(LIVE)
                page.wait_for_selector("#counter >> text=Update #3")
                page.wait_for_selector("text=Waiting for the first message", state="detached")
                page.wait_for_selector(".toast", state="detached")
                target = ASSETS / f"{name}-{scheme}.png"
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": SIZE["width"], "height": height})  # all of it, its sidebar too
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
        command += [
            "--rate-limit",
            "off",
            "--no-simulated-sensor",
        ]  # the greenhouse alone: two would hide each other in so small a chart
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stderr or ():
                if "Uvicorn running" in line:
                    break
            else:
                sys.exit("the board did not start: run python main.py to see why")
            origin = f"http://127.0.0.1:{port}"
            token = Path(data, "token").read_text()
            with httpx.Client(base_url=origin, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as http:
                tell(http)
            yield origin
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def tell(http: httpx.Client) -> None:
    """Tell the board what programs may tell it: a morning of a small team, and ten minutes of a greenhouse."""

    def post(path: str, **values: object) -> None:
        http.post(path, json=values).raise_for_status()

    now = datetime.now(UTC)
    for part in range(120):
        angle = part / 24
        post(
            "/sensors/greenhouse",
            temperature=round(22 + 1.5 * math.sin(angle), 1),
            humidity=round(55 - 6 * math.sin(angle + 1), 1),
            pressure=round(1012 + 2 * math.cos(angle), 1),
            time=(now - timedelta(seconds=5 * (119 - part))).isoformat(),
        )
    post("/tasks/1/complete")
    post("/notifications", message="Build 412 is green", level="success")
    post("/notifications", message="Disk of db-2 is 85 % full", level="warning")
    for author, text in {"Ana": "The new charts are in.", "Deploy": "Version 2.1 is out.", "Ben": "Lunch?"}.items():
        post("/feed", author=author, text=text)
    post("/rooms/lobby", name="Ana", message="Good morning!")
    job = http.post("/jobs", json={"name": "Nightly backup", "total": 100}).json()["id"]
    post(f"/jobs/{job}", done=64, message="table readings")
    for line in ("compiling 14 modules", "linking", "412 tests passed"):
        post("/log", source="make", level="info", line=line)


if __name__ == "__main__":
    main()
