"""The app of app.py in processes of its own: started, killed, and read from outside."""

import contextlib
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Server:
    """The app of app.py in processes of its own."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self.database = folder / "posts.db"
        self.workers = workers
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "durability.app:app", "--port", str(self.port), "--no-access-log"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command + (["--workers", str(self.workers)] if self.workers > 1 else []),
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "DURABILITY_DATABASE": str(self.database)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def rows(self, sql: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            return db.execute(sql).fetchall()

    @property
    def rss(self) -> int:
        assert self.process is not None
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * resource.getpagesize()


@contextlib.contextmanager
def serving(folder: Path, workers: int = 1) -> Iterator[Server]:
    server = Server(folder, workers)
    try:
        server.start()
        yield server
        errors = [line for line in server.log.read_text().splitlines() if "Traceback" in line or "ERROR" in line]
        assert not errors, server.log.read_text()[-3000:]
    finally:
        server.kill()
