"""The board in a process of its own, in each of the four ways to run it."""

import contextlib
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from checkout import ROOT, TESTS, copied
from raw_http import Stream

ALONE = "python main.py"
RELOAD = "--reload"
WORKERS = "--workers 2"
UVICORN = "uvicorn main:app"
WAYS = (ALONE, RELOAD, WORKERS, UVICORN)


def until(condition: Callable[[], Any], seconds: float = 10, every: float = 0.02) -> Any:
    """Wait until a condition holds, and give what it said; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not (held := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {getattr(condition, '__name__', condition)}"
        threading.Event().wait(every)
    return held


def free_port() -> int:
    """A port to listen on soon, out of the range that the system gives to clients, who would take it meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def environment(**given: str) -> dict[str, str]:
    """The environment without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")} | given


class Server:
    """A board that answers on a port of its own, with data of its own.

    program: `main`, or a module of the tests that adds to it. files: what RLIMIT_NOFILE is at its start. It runs from
    the checkout, but `--reload` from a copy in `folder`, so that a test may save a file of it. project: another copy
    to run from.
    """

    def __init__(
        self,
        folder: Path,
        way: str = ALONE,
        *,
        program: str = "main",
        host: str = "127.0.0.1",
        port: int | None = None,
        files: int | None = None,
        env: dict[str, str] | None = None,
        project: Path | None = None,
    ) -> None:
        self.folder, self.way, self.program, self.host, self.files = folder, way, program, host, files
        self.port = port or free_port()
        self.processes = 2 if way == WORKERS else 1
        self.project = project or (copied(folder / "project") if way == RELOAD else ROOT)
        self.env = environment(
            TIDEWIRE_HOST=host,
            TIDEWIRE_PORT=str(self.port),
            TIDEWIRE_DATABASE=str(folder / "data" / "tidewire.db"),
            TIDEWIRE_ALLOWED_HOSTS=f"localhost,127.0.0.1,{host}",
            TIDEWIRE_RATE_LIMIT="10000/second",  # the tests of a file are many programs at one address
            PYTHONPATH=f"{self.project}{os.pathsep}{TESTS}",
            PROBE_NOTES=str(folder / "notes"),
            **({"TIDEWIRE_RELOAD": "yes"} if way == RELOAD else {}),
            **({"TIDEWIRE_WORKERS": "2"} if way == WORKERS else {}),
        ) | (env or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        if self.way == UVICORN:
            listen = ["--host", self.host, "--port", str(self.port)]
            return [sys.executable, "-m", "uvicorn", f"{self.program}:app", *listen, "--no-access-log"]
        if self.program == "main":
            flags = {RELOAD: ["--reload"], WORKERS: ["--workers", "2"]}.get(self.way, [])
            return [sys.executable, "main.py", *flags]
        return [sys.executable, str(TESTS / f"{self.program}.py")]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text() if (self.folder / "log").exists() else ""

    @property
    def notes(self) -> list[str]:
        """What tests/probe.py noted, a word a line."""
        path = self.folder / "notes"
        return path.read_text().split() if path.exists() else []

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> "Server":
        """Start, and return once every process of it answers."""
        started = self.log.count("Application startup complete")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.project,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=self._limit,
            )
        try:
            until(lambda: self.log.count("Application startup complete") >= started + self.processes, 60)
            until(self.answers, 30)
        except BaseException:
            self.kill()
            raise AssertionError(f"{self.command} did not start:\n{self.log}") from None
        return self

    def _limit(self) -> None:
        if self.files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log
        with contextlib.suppress(httpx.TransportError):
            return self.get("/sse-health").status_code == 200
        return False

    def get(self, path: str = "/", **given: Any) -> httpx.Response:
        return httpx.get(self.url + path, trust_env=False, timeout=10, **given)

    def open(self, path: str = "/sse/counter", **given: Any) -> "Stream":
        return Stream((self.host, self.port), path, **given)

    def connections(self) -> int:
        """How many connections /sse-health of all processes lists."""
        return len(self.described())

    def carried(self) -> list[str]:
        """The streams that the links of /sse-health carry, without those that every page has."""
        subscriptions = (
            one for link in self.get("/sse-health").json()["connections"] for one in link.get("subscriptions", [])
        )
        return [one["stream"] for one in subscriptions if not one["stream"].startswith("/sse/notifications")]

    def described(self) -> list[dict[str, Any]]:
        """What /sse-health of all processes lists; it takes as many answers as it needs."""
        told: dict[int, list[dict[str, Any]]] = {}
        deadline = time.monotonic() + 20
        while len(told) < self.processes:
            assert time.monotonic() < deadline, "not every process answers"
            health = self.get("/sse-health").json()
            told[health["process"]] = health["connections"]
        return [connection for connections in told.values() for connection in connections]

    def stuck(self, path: str) -> bool:
        """Whether nobody reads the streams of a path that has more to say than anybody reads."""
        flooded = [one for one in self.described() if one["stream"] == path]
        return all(one["seconds_since_last_message"] > 0.3 for one in flooded)

    def tell(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the process that was started; group: to all of them, as Ctrl-C in a terminal does."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def stop(self, number: int = signal.SIGTERM, *, group: bool = False, seconds: float = 30) -> float:
        """Tell it to stop; say how many seconds that took."""
        began = time.monotonic()
        self.tell(number, group=group)
        self.process.wait(seconds)
        until(lambda: not self.group(), seconds)
        return time.monotonic() - began

    def group(self) -> list[str]:
        """The processes of it that live (a zombie does not)."""
        listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat=,pid="], capture_output=True, text=True, check=True)
        rows = (line.split() for line in listed.stdout.splitlines())
        return [pid for group, state, pid in rows if group == str(self.process.pid) and not state.startswith("Z")]

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def memory(self) -> int:
        """Bytes of memory the process holds (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def complaints(self) -> list[str]:
        """The lines of the log that speak of a fault."""
        return re.findall(r".*(?:Traceback|ERROR|CRITICAL|WARNING|Warning|Exception|never awaited).*", self.log)


@contextlib.contextmanager
def streams(server: Server, path: str, count: int, **given: Any) -> Iterator[list[Stream]]:
    """Many streams of a server, each of which has said its first words."""
    with contextlib.ExitStack() as held:
        opened = [held.enter_context(server.open(path, **given)) for _ in range(count)]
        for stream in opened:
            stream.read_until(b"\r\n\r\n")
        yield opened
