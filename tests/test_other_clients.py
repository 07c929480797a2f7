"""Other people's clients read every stream of the board, and go on where they were when they were cut off."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import FLAGS, program
from faults import Proxy
from programs import Program
from servers import Server, until

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PYTHON = ["curl", "httpx-sse", "aiohttp-sse-client2"]
NODE = ["eventsource", "eventsource-client", "eventsource-parser", "fetch-event-source"]
BROWSERS = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "firefox": ("firefox-esr", "firefox")}
MADE = {"/rooms": {"name": "Stirred"}, "/jobs": {"name": "Stirred"}}  # first of all
SAID = {
    "/notifications": {"message": "stirred"},
    "/log": {"source": "stirrer", "line": "stirred"},
    "/feed": {"author": "stirrer", "text": "stirred"},
    "/rooms/stirred": {"message": "stirred"},
    "/jobs/1": {"message": "stirred"},
}
PARAMETERS = {"{room}": "stirred", "{id}": "1", "{reader}": 32 * "0"}
NAMED = {"/sse/jobs": ["job-1"]}  # events that bear the name of what they are about
QUIET_SECONDS = 5  # a stream that says nothing for so long while others begin is quiet
SECONDS = 40  # until the slowest of them, nine at once on a machine that does more, has begun, or come back


class Client:
    """A client in a process of its own that reads all streams, and what each of them told it."""

    def __init__(self, name: str, streams: list[dict[str, Any]], origin: str) -> None:
        self.told: dict[str, list[tuple[str, str]]] = defaultdict(list)  # of a path: (event, id)
        self.origin = origin
        asked = [{"url": origin + one["path"], "events": one["events"]} for one in streams]
        self.process = subprocess.Popen(
            command(name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.process.stdin.write(json.dumps(asked))
        self.process.stdin.close()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            said = json.loads(line)
            self.told[said["url"].removeprefix(self.origin)].append((said["event"], said["id"]))

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def heard(self) -> int:
        """Count the streams that have said something."""
        return len([*filter(None, self.told.values())])

    def ids(self, path: str) -> list[str]:
        return [event_id for _, event_id in self.told[path]]

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def command(name: str) -> list[str]:
    if name in PYTHON:
        return [sys.executable, str(HERE / "clients.py"), name]
    if name in NODE:
        return [program("node"), str(HERE / "clients.cjs"), name]
    return [program("node"), str(HERE / "clients.cjs"), name, program(*BROWSERS[name]), *FLAGS]


class Reading:
    """All clients at once, cut off once in the middle, and beside them one that is not."""

    def __init__(self, server: Server, proxy: Proxy) -> None:
        self.program = Program(server)
        self.streams = every_stream(server)
        for path, words in MADE.items():
            self.program.post(path, data=words).raise_for_status()
        self.calm = Client("httpx-sse", self.streams, server.url)
        self.stir_until(lambda: self.calm.heard)
        heard = 0
        while self.calm.heard > heard:  # those that come late are not quiet: it is the machine that is slow
            heard = self.calm.heard
            self.stir_until(lambda: self.calm.heard > heard, QUIET_SECONDS)  # noqa: B023 - at once
        for one in self.streams:
            if not self.calm.told[one["path"]]:  # nothing stirs it: what it says first is a reset
                one.update(path=one["path"] + "?after=elsewhere-1", journaled=False, quiet=True)
        self.clients = {name: Client(name, self.streams, proxy.url) for name in (*PYTHON, *NODE, *BROWSERS)}
        self.stir_until(lambda: all(map(self.all_have, self.clients.values())))
        self.before = {name: {p: len(told) for p, told in c.told.items()} for name, c in self.clients.items()}
        proxy.cut()
        self.stir()  # nobody but the calm one hears it now
        self.stir_until(lambda: all(self.gone_on(name) for name in self.clients))
        with contextlib.suppress(AssertionError):
            until(lambda: all(self.caught_up(client) for client in self.clients.values()), 10)

    def stir(self) -> None:
        """Make every stream that is quiet say something."""
        done = self.program.add_task("stirred")
        self.program.post(f"/tasks/{done}/complete")
        for path, words in SAID.items():
            self.program.post(path, data=words).raise_for_status()

    def stir_until(self, held: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Stir until something holds; that it never does is a matter of the tests."""

        def stirred() -> bool:
            self.stir()
            return held()

        with contextlib.suppress(AssertionError):
            until(stirred, seconds, 0.5)

    def all_have(self, client: Client) -> bool:
        return client.ended or all(client.told[one["path"]] for one in self.streams)

    def gone_on(self, name: str) -> bool:
        client, before = self.clients[name], self.before[name]
        moving = [one["path"] for one in self.streams if "quiet" not in one]
        return client.ended or all(len(client.told[path]) > before.get(path, 0) for path in moving)

    def caught_up(self, client: Client) -> bool:
        journaled = [one["path"] for one in self.streams if one["journaled"]]
        return all(client.ids(path)[-1:] == self.calm.ids(path)[-1:] for path in journaled)


def every_stream(server: Server) -> list[dict[str, Any]]:
    """List the streams that main.py lists, and what else is one."""
    streams = server.get("/streams").json()
    for one in streams:
        for parameter, value in PARAMETERS.items():
            one["path"] = one["path"].replace(parameter, value)
        one["events"] += NAMED.get(one["path"], [])
    topics = [one for one in streams if one["journaled"]]
    several = "&".join(f"topic={one['path'].removeprefix('/sse/')}" for one in topics)
    events = [event for one in topics for event in one["events"]]
    for path in (f"/sse/live?{several}", f"/sse/live?format=json&{several}"):
        streams.append({"path": path, "events": events, "journaled": True, "numbered": False})
    return streams


@pytest.fixture(scope="module")
def reading(probe: Server) -> Iterator[Reading]:
    with Proxy(probe.port) as proxy:
        reading = Reading(probe, proxy)
        yield reading
        for client in (reading.calm, *reading.clients.values()):
            client.end()


@pytest.mark.parametrize("name", [*PYTHON, *NODE, *BROWSERS])
def test_a_client_reads_every_stream_and_goes_on_where_it_was(reading: Reading, name: str):
    client = reading.clients[name]
    if client.ended:
        fault = client.process.stderr.read()
        (pytest.skip if "Cannot find module" in fault and "CI" not in os.environ else pytest.fail)(fault)
    for stream in reading.streams:
        path = stream["path"]
        told, ids = client.told[path], client.ids(path)
        assert reading.before[name].get(path), f"{path}: nothing came"
        assert "quiet" in stream or len(told) > reading.before[name][path], f"{path}: nothing came after the cut"
        assert {event for event, _ in told} <= {*stream["events"]}, path
        if stream["numbered"]:
            numbers = list(map(int, ids))
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), path
        if stream["journaled"]:
            calm = reading.calm.ids(path)
            assert ids == calm[calm.index(ids[0]) :], path
