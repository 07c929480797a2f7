"""`python main.py notify` and `run`, as somebody types them in a shell, and what the board has then been told."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from checkout import ROOT
from servers import Server, environment

MAIN = [sys.executable, str(ROOT / "main.py")]


def typed(server: Server, *arguments: str, **given: Any) -> "subprocess.CompletedProcess[bytes]":
    """Type a command, and wait for its end."""
    return subprocess.run([*MAIN, *arguments], env=told(server), capture_output=True, timeout=60, check=False, **given)


def begun(server: Server, *arguments: str, **given: Any) -> "subprocess.Popen[bytes]":
    """Type a command in a terminal of its own, and go on."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | given
    return subprocess.Popen([*MAIN, *arguments], env=told(server), start_new_session=True, **pipes)


def told(server: Server) -> dict[str, str]:
    """The environment in which the board is found, and nothing of a proxy is heeded."""
    return environment(
        TIDEWIRE_PORT=str(server.port),
        TIDEWIRE_DATABASE=str(server.folder / "data" / "tidewire.db"),
        http_proxy="http://127.0.0.1:1",
        HTTP_PROXY="http://127.0.0.1:1",
    )


def script(folder: Path, text: str) -> list[str]:
    """A command of Python lines."""
    path = folder / "command.py"
    path.write_text(text)
    return [sys.executable, str(path)]


def newest_job(board: Server) -> dict[str, Any]:
    """The newest job, as the board tells a program."""
    numbers = [int(number) for number in re.findall(r'href="/jobs/(\d+)"', board.get("/jobs").text)]
    told: dict[str, Any] = board.get(f"/jobs/{max(numbers)}", headers={"Accept": "application/json"}).json()
    return told


def job_named(board: Server, name: str) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        if (job := newest_job(board))["name"] == name:
            return job
    return None


def logged(board: Server, text: str = "") -> list[tuple[str, str]]:
    """Level and line of what the log shows, of the lines that hold a text."""
    page = board.get("/log", params={"text": text}, headers={"HX-Request": "true"}).text
    return re.findall(r'data-level="(\w+)".*?class="line">([^<]*)<', page)
