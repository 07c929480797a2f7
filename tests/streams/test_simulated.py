"""The simulated sensor: plausible, smooth, and failing as often as it is told to."""

import itertools
import random

import pytest

from components.readings import SIMULATED, Reading
from streams.simulated import RANGES, SensorError, SimulatedSensor


def test_what_it_measures_stays_in_its_range_and_moves_smoothly_and_uses_the_range() -> None:
    sensor = SimulatedSensor(0, dice=random.Random(7))
    measured = [sensor.measure() for _ in range(20_000)]
    for name, (low, high, _) in RANGES.items():
        values = [getattr(one, name) for one in measured]
        assert low <= min(values) <= max(values) <= high
        assert max(abs(b - a) for a, b in itertools.pairwise(values)) < (high - low) / 20
        assert max(values) - min(values) > (high - low) / 3
        assert len(set(values)) > 100


def test_it_goes_on_where_it_was() -> None:
    last = Reading(sensor=SIMULATED, temperature=27.9, humidity=31, pressure=1019)
    measured = SimulatedSensor(0, last).measure()
    assert measured.temperature == pytest.approx(27.9, abs=0.5)
    assert measured.pressure == pytest.approx(1019, abs=1)


def test_what_is_out_of_its_range_is_brought_back_into_it() -> None:
    last = Reading(sensor=SIMULATED, temperature=-40, humidity=99, pressure=900)
    assert SimulatedSensor(0, last).measure().temperature >= 18


def test_it_fails_as_often_as_it_is_told_to() -> None:
    sensor = SimulatedSensor(0.25, dice=random.Random(7))
    failed = 0
    for _ in range(2_000):
        try:
            sensor.measure()
        except SensorError:
            failed += 1
    assert 400 < failed < 600
