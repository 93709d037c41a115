"""Where an indexing run's time goes: seconds added up by stage, from any thread."""

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
    """Seconds by stage.

    The run itself goes through `scan` (walk and diff), `wait` (for a picture that is not decoded
    yet), `load` (of the model, and calibrating it), `encode`, `commit` and `cache` (writing the
    vector cache, and measuring what hits are compared with to tell how sure they are). The threads
    that read ahead of it go through `hash` (opening, reading and hashing a file) and `decode` (to
    the model's pixels): those are sums over threads that work at the same time.
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
    """Adds up the seconds of stages; safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = dict.fromkeys((each.name for each in fields(Spent)), 0.0)

    @contextmanager
    def laps(self, stage: Stage) -> Iterator[Callable[[Stage], None]]:
        """Time a stage; calling what this gives ends it and begins another."""
        begun = time.perf_counter()

        def turn_to(following: Stage) -> None:
            nonlocal stage, begun
            now = time.perf_counter()
            with self._lock:
                self._seconds[stage] += now - begun
            stage, begun = following, now

        try:
            yield turn_to
        finally:
            turn_to(stage)

    def each(self, stage: Stage, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on, timing how long each is waited for."""
        iterator = iter(items)
        while True:
            with self.laps(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def spent(self) -> Spent:
        """Return the seconds so far."""
        with self._lock:
            return Spent(**self._seconds)
