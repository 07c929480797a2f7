"""Files of readings: made, sent to a board, and what has become of them."""

import sqlite3
from typing import Any

import httpx
from programs import Program
from servers import Server, until

HEAD = "sensor,time,temperature,humidity,pressure\n"
JSON = {"Accept": "application/json"}


def sheet(sensor: str, rows: int, bad: int = 0) -> str:
    """A file of readings, the bad ones spread over it."""
    every = rows // bad if bad else rows + 1
    lines = (
        f"{sensor},2026-01-01T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}Z,"
        f"{'hot' if i % every == every - 1 and i // every < bad else 18 + i % 100 / 10},48.5,1013.2\n"
        for i in range(rows)
    )
    return HEAD + "".join(lines)


def send(program: Program, content: str | bytes, name: str = "readings.csv", **data: str) -> httpx.Response:
    return program.post("/jobs/import", files={"file": (name, content)}, data=data)


def job(program: Program, number: int) -> dict[str, Any]:
    return program.http.get(f"/jobs/{number}", headers=JSON).json()


def ended(program: Program, number: int, seconds: float = 20) -> dict[str, Any]:
    return until(lambda: (now := job(program, number))["finished"] and now, seconds)


def kept(server: Server, sensor: str) -> int:
    with sqlite3.connect(server.folder / "data" / "tidewire.db") as db:
        return db.execute("SELECT count(*) FROM readings WHERE sensor = ?", [sensor]).fetchone()[0]


def files(server: Server) -> list[str]:
    return [path.name for path in (server.folder / "data" / "files").glob("*")]
