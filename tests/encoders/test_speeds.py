"""Which precision is taken: the fastest, by a clock that only the towers move."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.encoders.compiled import speeds
from retrieval.encoders.compiled.towers import Tower

SIZE = (8, 6)
BROKEN = -1.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeTower(Tower):
    """Takes as long as it is told; the first run, which compiles, takes longer."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds, self.runs = clock, seconds, 0

    def run(self, inputs: NDArray[Any], goal: str) -> NDArray[np.float32]:
        assert inputs.shape[1:] == (*SIZE, 3)
        assert goal == "THROUGHPUT"
        if self._seconds == BROKEN:
            raise RuntimeError("no such operation")
        self._clock.now += self._seconds if self.runs else 100.0
        self.runs += 1
        return np.zeros((len(inputs), 1), np.float32)


Race = Callable[[dict[str, float]], str]


@pytest.fixture
def race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Race:
    """Let precisions race that take so many seconds; every tower that is made is counted."""
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    monkeypatch.setattr(speeds, "_processor", lambda: "this one")

    def run(seconds: dict[str, float]) -> str:
        return speeds.fastest(
            list(seconds), str(tmp_path), SIZE, lambda name: FakeTower(clock, seconds[name])
        )

    return run


def test_the_fastest_is_taken(race: Race) -> None:
    assert race({"bf16": 1.0, "f16": 1.5, "f32": 2.0}) == "bf16"


def test_a_precision_that_the_processor_is_slow_in_is_not(race: Race) -> None:
    assert race({"bf16": 2.0, "f32": 1.0}) == "f32"


def test_a_precision_that_does_not_run_is_not(race: Race) -> None:
    assert race({"bf16": BROKEN, "f16": 1.0, "f32": 2.0}) == "f16"
    assert race({"bf16": BROKEN, "f16": 1.0, "f32": 2.0}) == "f16"  # remembered


def test_where_nothing_runs_float32_is_left(race: Race) -> None:
    assert race({"bf16": BROKEN, "f32": BROKEN}) == "f32"


def test_a_small_gain_is_not_worth_it(race: Race) -> None:
    assert race({"bf16": 0.95, "f32": 1.0}) == "f32"


def test_it_is_measured_once_on_a_processor(
    race: Race, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    race({"bf16": 1.0, "f32": 2.0})
    assert race({"bf16": 2.0, "f32": 1.0}) == "bf16"  # remembered
    monkeypatch.setattr(speeds, "_processor", lambda: "another one")
    assert race({"bf16": 2.0, "f32": 1.0}) == "f32"
    assert json.loads((tmp_path / "speeds.json").read_text())["processor"] == "another one"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"processor": "this one", "seconds": 3}'])
def test_what_cannot_be_read_is_measured_again(race: Race, tmp_path: Path, damage: str) -> None:
    (tmp_path / "speeds.json").write_text(damage)
    assert race({"bf16": 1.0, "f32": 2.0}) == "bf16"


def test_a_new_candidate_is_measured(race: Race) -> None:
    race({"bf16": 1.0, "f32": 2.0})
    assert race({"f16": 0.5, "f32": 2.0}) == "f16"


def test_float32_alone_needs_no_race(race: Race, tmp_path: Path) -> None:
    assert race({"f32": 2.0}) == "f32"
    assert not (tmp_path / "speeds.json").exists()


def test_a_folder_that_cannot_be_written_is_no_trouble(
    race: Race, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(speeds, "write_record", refuse)
    assert race({"bf16": 1.0, "f32": 2.0}) == "bf16"
