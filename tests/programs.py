"""A program that uses the board over HTTP, with the token, and reads its streams."""

import json
import re
from typing import Any

import httpx
from raw_http import Stream
from servers import Server


class Program:
    def __init__(self, server: Server) -> None:
        self.server = server
        token = (server.folder / "data" / "token").read_text()
        self.http = httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=10
        )

    def post(self, path: str, *, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
        return self.http.post(path, headers=headers, **given)

    def add_task(self, title: str) -> int:
        """Add a task; give its id."""
        answer = self.post("/tasks", data={"title": title})
        assert answer.status_code == 200, answer.text
        return int(re.search(r'id="task-(\d+)"', answer.text)[1])

    def stats(self) -> list[int]:
        """Completed, in progress, pending, total."""
        return numbers(self.http.get("/stats", headers={"HX-Request": "true"}).text)


def numbers(html: str) -> list[int]:
    return [int(number) for number in re.findall(r"<dd>(\d+)</dd>", html)]


def events(stream: Stream) -> list[dict[str, str]]:
    """The events that a raw stream has received so far, as dicts of their fields."""
    blocks = stream.text.split("\n\n")[:-1]
    found = [dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":")) for block in blocks]
    return [event for event in found if "data" in event]


def payloads(stream: Stream) -> list[Any]:
    return [json.loads(event["data"]) for event in events(stream)]
