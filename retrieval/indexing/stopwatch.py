"""Measures where an indexing run's time goes, in seconds per stage, from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Literal, TypeVar

Item = TypeVar("Item")
Stage = Literal["scan", "hash", "decode", "wait", "load", "encode", "commit", "cache"]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds per stage.

    The run itself spends time in `scan` (walk and diff), `wait` (for a picture to be decoded),
    `load` (loading and calibrating the model), `encode`, `commit` and `cache` (writing the vector
    cache, and measuring the score baselines from which confidences are computed). The threads that
    read ahead spend time in `hash` (opening, reading and hashing a file) and `decode` (to the
    model's pixels); those two are sums over threads that run in parallel.
    """

    scan: float = 0.0
    hash: float = 0.0
    decode: float = 0.0
    wait: float = 0.0
    load: float = 0.0
    encode: float = 0.0
    commit: float = 0.0
    cache: float = 0.0


class Stopwatch:
    """Adds up seconds per stage; safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = dict.fromkeys((each.name for each in fields(Spent)), 0.0)

    @contextmanager
    def time_stage(self, stage: Stage) -> Iterator[Callable[[Stage], None]]:
        """Time a stage; calling the function that this gives switches to another stage."""
        started = time.perf_counter()

        def switch_to(next_stage: Stage) -> None:
            nonlocal stage, started
            now = time.perf_counter()
            with self._lock:
                self._seconds[stage] += now - started
            stage, started = next_stage, now

        try:
            yield switch_to
        finally:
            switch_to(stage)

    def time_each(self, stage: Stage, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on, timing the wait for each."""
        iterator = iter(items)
        while True:
            with self.time_stage(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def spent(self) -> Spent:
        """Return the seconds so far."""
        with self._lock:
            return Spent(**self._seconds)
