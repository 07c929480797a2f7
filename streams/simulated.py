"""The built-in sensor: it simulates what it measures, says so by its name, and fails at times if it is told to."""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import State

from components.readings import SIMULATED, Reading, SensorFault, SensorReading
from streams.readings import newest_of, record
from tidewire import JournalUnavailable

PAUSE_SECONDS = (0.5, 2.0)  # from one reading to the next
BRIDGED = 2  # failures in a row; the next one ends its stream
REST_SECONDS = 8.0  # until it begins again
# Of each value: where it stays, and how many decimals it has.
RANGES = {"temperature": (18.0, 28.0, 2), "humidity": (30.0, 80.0, 1), "pressure": (1000.0, 1020.0, 2)}

log = logging.getLogger("tidewire")


class SensorError(Exception):
    """Say that a sensor did not answer."""


class Walk:
    """A value that wanders smoothly, and turns back before it leaves its range."""

    def __init__(self, low: float, high: float, value: float) -> None:
        self.low, self.high, self.value = low, high, value
        self.drift = 0.0  # a step, in parts of the range

    def step(self, chance: Callable[[float, float], float]) -> float:
        """Take a step; `chance` is random.gauss."""
        width = self.high - self.low
        outwards = (self.value - self.low) / width - 0.5  # -0.5 to 0.5
        self.drift = 0.92 * self.drift + chance(0, 0.0006) - 0.0001 * outwards
        self.value = min(self.high, max(self.low, self.value + self.drift * width))
        return self.value


class SimulatedSensor:
    """The sensor: `measure` it. faults: the share of measurements that fail. last: where it goes on."""

    def __init__(self, faults: float, last: Reading | None = None, dice: Any = random) -> None:
        self.faults = faults
        self.dice = dice
        self.walks = {
            name: Walk(low, high, min(high, max(low, getattr(last, name, dice.uniform(low, high)))))
            for name, (low, high, _) in RANGES.items()
        }

    def measure(self) -> SensorReading:
        """Take a reading; raise SensorError where it fails."""
        if self.dice.random() < self.faults:
            raise SensorError("the simulated sensor did not answer")
        values = {name: round(walk.step(self.dice.gauss), RANGES[name][2]) for name, walk in self.walks.items()}
        return SensorReading(sensor=SIMULATED, **values, time=datetime.now(UTC))


async def simulate(state: State) -> None:
    """Let the sensor measure, on each machine once; whoever takes over goes on where it was."""
    while state.settings.simulated_sensor:
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311
        if state.keeper():
            sensor = SimulatedSensor(state.settings.simulated_faults, newest_of(state.db, SIMULATED))
            await _run(state, sensor)
            await asyncio.sleep(REST_SECONDS)


async def _run(state: State, sensor: SimulatedSensor) -> None:
    """Measure until too many measurements have failed in a row: that ends the sensor's stream, and those who listen."""
    failed = 0
    while True:
        try:
            await state.hub.change(record, sensor.measure())
            failed = 0
        except SensorError as fault:
            failed += 1
            if failed > BRIDGED:
                reference = secrets.token_hex(4)
                log.error("%s, %d times in a row, reference %s", fault, failed, reference)
                told = SensorFault(sensor=SIMULATED, failures=failed, reference=reference, time=datetime.now(UTC))
                await state.hub.publish("sensor-faults", told)
                return
            log.info("%s: bridged", fault)
        except JournalUnavailable:
            pass  # /health/ready says why; what could not be kept was made up anyway
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311
