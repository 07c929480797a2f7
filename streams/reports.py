"""What this process tells of itself: its connections, its streams in numbers, what it takes of the machine."""

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import State

from components.reports import ADDRESSES, OTHERS, SHOWN, Connection, Figures, Process, Report, StreamOn
from streams import usage


class Reporter:
    """Make reports of this process."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._processor = usage.Processor()
        self._began = datetime.now(UTC)

    def __call__(self) -> Report:
        """Make one."""
        state = self._state
        counts = state.hub.counts
        process = Process(
            worker=state.worker,
            pid=os.getpid(),
            since=self._began,
            memory=usage.memory(),
            cpu=self._processor(),
            cpu_seconds=time.process_time(),
            files=usage.files(),
        )
        figures = Figures(**state.registry.figures(), resets=counts["resets"], parked_so_far=counts["parked"])
        described = state.registry.health(SHOWN)["connections"]
        connections = [connection_of(one, state.worker) for one in described]
        return Report(process=process, figures=figures, connections=connections)


def connection_of(told: dict[str, Any], worker: str) -> Connection:
    """Read what the registry says of a connection."""
    streams = told.get("subscriptions", []) if told["link"] else [told]
    return Connection(
        id=told["id"],
        worker=worker,
        client=told["client"],
        since=datetime.fromtimestamp(told["since"], UTC),
        link=told["link"],
        streams=streams_on(streams),
        bytes=told["bytes"],
        errors=sum(stream["errors"] for stream in streams),
        parked=told["parked"],
    )


def streams_on(told: Iterable[dict[str, Any]]) -> list[StreamOn]:
    """Put together what is streamed at each address, in the order in which they came."""
    found: dict[str, StreamOn] = {}
    for stream in told:
        path = stream["stream"]
        if path not in found and len(found) >= ADDRESSES:
            path = OTHERS
        one = found.setdefault(path, StreamOn(path=path, number=0))
        one.number += 1
        one.events += stream["events"]
        one.behind = max(one.behind, stream.get("behind", 0))
    return list(found.values())
