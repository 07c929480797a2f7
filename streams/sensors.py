"""Sensors: what they measure, told live: each reading, and charts of the last minutes."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from fasthtml.core import APIRouter
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import JSONResponse

from components.page import Layout
from components.readings import SIMULATED, SensorCharts, SensorFault, SensorReading, StoredBatch, StoredReading
from components.sensors import (
    STREAM,
    BatchLine,
    BatchRegion,
    ChartsCard,
    ChartsRegion,
    FaultLine,
    ReadingRow,
    ReadingRows,
    SensorChartViews,
    SensorsPage,
)
from streams import LiveThing, readings
from streams.programs import answer_once, invalid_answer
from streams.readings import TooManySensors as TooManySensors
from streams.readings import record as record
from streams.readings import rows as rows
from streams.readings import store as store
from streams.simulated import simulate
from tidewire import Event, JournalUnavailable, Retention, follow, per_tab, sse_message, topic

CHART_SECONDS = 2.0  # between two drawings
SPARED = 10  # reading what is charted takes at most a tenth of the time, however much there is
IDLE_CHART_SECONDS = 20.0  # where nothing new is measured, and only the time goes on
RETRY_MS = (10_000, 20_000)  # after a sensor has failed, which rests for a while
TOLD = ("sensors", "sensor-charts", "sensor-batches", "sensor-faults")

routes = APIRouter(body_wrap=Layout)


@topic(
    "sensors",
    StoredReading,
    event="reading",
    snapshot=lambda db: ReadingRows(readings.newest(db)),
    retention=Retention(count=1_000, age=24 * 3600.0),
)
async def sensors(told: AsyncIterator[Event[StoredReading]]) -> AsyncIterator[str]:
    """Tell each reading."""
    async for event in told:
        yield sse_message(ReadingRow(event.data), event="reading", id=event.id)


@topic(
    "sensor-charts",
    SensorCharts,
    event="charts",
    snapshot=lambda db: ChartsRegion(readings.charts(db)),
    keep="latest",
)
async def sensor_charts(told: AsyncIterator[Event[SensorCharts]]) -> AsyncIterator[str]:
    """Draw the last minutes anew."""
    async for event in told:
        yield sse_message(SensorChartViews(event.data), event="charts", id=event.id)


@topic(
    "sensor-batches",
    StoredBatch,
    event="batch",
    snapshot=lambda db: BatchRegion(readings.last_batch(db)),
    keep="latest",
)
async def sensor_batches(told: AsyncIterator[Event[StoredBatch]]) -> AsyncIterator[str]:
    """Tell of readings that came in from a file, as one."""
    async for event in told:
        yield sse_message(BatchLine(event.data), event="batch", id=event.id)


@topic("sensor-faults", SensorFault, event="fault", snapshot=lambda db: (), retention=Retention(count=100))
async def sensor_faults(told: AsyncIterator[Event[SensorFault]]) -> AsyncIterator[str]:
    """Tell that a sensor has failed for good."""
    async for event in told:
        yield sse_message(FaultLine(event.data), event="fault", id=event.id)


@per_tab(
    "sse-stream",
    path=STREAM,
    events=("connected", "reading", "charts", "batch", "stream-error", "close"),
    contract=StoredReading,
    close="close",
)
async def sse_stream(request: Request, after: str) -> AsyncIterator[str | bytes]:
    """Greet, then tell all that is told of sensors, until one of them has failed."""
    yield sse_message(f"{datetime.now(UTC):%H:%M:%S} UTC", event="connected")
    async for event, message in follow(request.app.state.hub, *TOLD, after=after):
        if event is not None and event.topic == "sensor-faults":
            yield sse_message(event.data.reference, event="stream-error", id=event.id, retry=_later())
            return
        yield message


def _later() -> int:
    return random.randint(*RETRY_MS)  # noqa: S311


@routes("/sensors", methods=["GET"])
def page(request: Request, state: State) -> Any:
    """Show the newest readings, and the charts."""
    after = state.hub.cursor
    db, origin = state.db, str(request.base_url)
    return SensorsPage(
        readings.newest(db), readings.charts(db), readings.last_batch(db), after, origin, sse_stream.source
    )


@routes("/sensors/{sensor}", methods=["POST"])
async def tell(request: Request, state: State, sensor: str, data: dict) -> JSONResponse:  # type: ignore[type-arg]
    """Take a reading from a program, by form or JSON."""
    try:
        reading = SensorReading.model_validate({**data, "sensor": sensor})
    except ValidationError as invalid:
        return invalid_answer(invalid)
    if reading.sensor.casefold() == SIMULATED:
        return _refused(f"expected another name: {SIMULATED} is the built-in one")
    try:
        return await answer_once(request, state.hub, record, reading)
    except TooManySensors as full:
        return _refused(str(full))


def _refused(reason: str) -> JSONResponse:
    return JSONResponse({"errors": {"sensor": reason}}, 422)


async def draw(state: State) -> None:
    """Have the charts drawn anew, on each machine once, while there is something to see."""
    drawn, at = (0, False), 0.0  # up to which reading, and whether there was something; when
    took = 0.0
    while True:
        await asyncio.sleep(max(CHART_SECONDS, took * SPARED))
        if not state.keeper():
            continue
        [last] = state.db.q("SELECT max(id) AS id FROM readings")
        idle = time.monotonic() - at >= IDLE_CHART_SECONDS and drawn[1]
        if last["id"] and (last["id"] != drawn[0] or idle):
            began = time.monotonic()
            charts = await asyncio.to_thread(readings.charts, state.db)
            took = time.monotonic() - began
            with suppress(JournalUnavailable):
                await state.hub.publish("sensor-charts", charts)
                drawn, at = (last["id"], bool(charts.sensors)), time.monotonic()


async def work(state: State) -> None:
    """Simulate a sensor, draw charts, and let the oldest readings go."""
    async with asyncio.TaskGroup() as together:
        for one in (simulate, draw, readings.forget):
            together.create_task(one(state))


def part(state: State) -> Any:
    """Show the newest values and small charts."""
    return ChartsCard(readings.charts(state.db))


thing = LiveThing(
    "sensors",
    "Sensors",
    "Temperature, humidity and pressure, of the last minutes",
    "/sensors",
    routes,
    [sensor_charts, sensors, sse_stream, sensor_batches, sensor_faults],
    part=part,
    prepare=readings.prepare,
    accepts={"/sensors/{sensor}": SensorReading},
    example=lambda db: {"sensor": "greenhouse"},
    work=work,
)
