"""The examples run where a newcomer runs them: in virtual environments, with the package from its wheel."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browsers import Complaints, chromium, expect, open_tab, wait_until_live
from checkout import ROOT
from outside import serving
from raw_http import Stream
from servers import environment

EXAMPLES = ROOT / "docs" / "examples"
APPS = {"fasthtml_app": EXAMPLES, "app": EXAMPLES / "fastapi_app"}
LEFT_BY_BUILDS = shutil.ignore_patterns(".*", "build", "data", "*.egg-info", "__pycache__", "tests")

pytestmark = pytest.mark.slow


def run(*command: object) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The package's wheel, built from a copy: what an earlier build left in the checkout would get into it."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=LEFT_BY_BUILDS)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, folder / "source")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module", params=APPS)
def example(request, wheel, tmp_path_factory) -> Iterator[str]:
    """An example that runs, installed as its first lines say; its address."""
    name, source = request.param, APPS[request.param]
    text = (source / f"{name}.py").read_text()
    needs = re.search(r"^pip install [./]+ (.+)  #", text, re.MULTILINE)[1].replace("'", "").split()
    folder = tmp_path_factory.mktemp(name)
    run(sys.executable, "-m", "venv", folder / "venv")
    run(folder / "venv/bin/pip", "install", "-q", wheel, *needs)
    command = re.search(r"^uvicorn (\S+)$", text, re.MULTILINE)[1]
    with serving([str(folder / "venv/bin/uvicorn")], command, folder, source=source) as origin:
        yield origin
        open_stream(origin, "/sse/tasks")  # it stops with a stream open


def open_stream(origin: str, path: str) -> Stream:
    url = httpx.URL(origin)
    stream = Stream((url.host, url.port), path)
    stream.read_until(b": open")
    return stream


def test_what_is_posted_arrives_in_every_stream(example):
    streams = [open_stream(example, path) for path in ("/sse/tasks", "/sse/live?topic=tasks&topic=stats")]
    assert httpx.post(f"{example}/tasks", data={"title": "Sail <home>"}, trust_env=False).status_code == 200
    for stream in streams:
        stream.read_until(b"Sail &lt;home&gt;")
    streams[1].read_until(b"0 of 1 done")
    assert httpx.post(f"{example}/tasks/1", trust_env=False).is_success
    streams[1].read_until(b"1 of 1 done")
    assert httpx.post(f"{example}/tasks/99", trust_env=False).status_code == 404


def test_two_tabs_are_live_and_load_nothing_from_elsewhere(example):
    with chromium() as browser:
        context = browser.new_context(base_url=example)
        complaints = Complaints(context, example)
        first, second = opened = [open_tab(context, "/") for _ in range(2)]
        for tab in opened:
            wait_until_live(tab)
        first.get_by_label("New task").fill("Mend the <net>")
        first.keyboard.press("Enter")
        for tab in opened:
            expect(tab.locator("#tasks li", has_text="Mend the <net>")).to_have_count(1)
        expect(first.get_by_label("New task")).to_have_value("")
        second.locator("li", has_text="Mend the <net>").get_by_role("button", name="Done").click()
        for tab in opened:
            expect(tab.locator("#notifications")).to_contain_text("Done: Mend the <net>")
            expect(tab.locator("#tasks .done", has_text="Mend the <net>")).to_have_count(1)
        for n in range(6):
            httpx.post(f"{example}/tasks", data={"title": f"Task {n}"}, trust_env=False)
        first.reload()
        wait_until_live(first)
        for tab in opened:
            expect(tab.locator("#tasks li", has_text=re.compile(r"Task \d"))).to_have_count(6)
            expect(tab.locator("#stats p")).to_have_text(first.locator("#stats p").inner_text())
        assert [said for said in complaints if "favicon" not in said and "404" not in said] == []
        context.close()
