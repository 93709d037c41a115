"""Measure in which precision a model's image tower runs fastest on this processor.

Native support for a precision does not imply speed: without matrix units, bfloat16 can take twice
the time of float32 (measured by benchmarks/precision.py).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.compiled.towers import Tower
from retrieval.whole_file import read_record, write_record

EXACT = "f32"
MIN_SPEEDUP = 1.3
"""A lower precision must be at least this many times as fast as float32 to be chosen."""

_FILE = "speeds.json"
_ROWS = 4
_ROUNDS = 2


def fastest(
    candidates: Sequence[str],
    folder: str,
    size: tuple[int, int],
    tower: Callable[[str], Tower],
) -> str:
    """Return the fastest of the candidates, which always include "f32".

    `tower(precision)` returns the tower for pixels (n, *size, 3). The seconds measured on this
    processor are stored in the export's folder; if that is not writable, each call measures.
    """
    if set(candidates) <= {EXACT}:
        return EXACT
    path = os.path.join(folder, _FILE)
    seconds = read_measured(path, "seconds")
    if not set(candidates) <= set(seconds):
        seconds = measure({name: tower(name) for name in candidates}, size)
        write_measured(path, "seconds", seconds)
    best = min(candidates, key=seconds.__getitem__)
    return best if seconds[best] * MIN_SPEEDUP < seconds[EXACT] else EXACT


def measure(towers: Mapping[str, Tower], size: tuple[int, int]) -> dict[str, float]:
    """Return the seconds that each tower takes for the same few pictures; towers alternate.

    A tower that does not run, because the processor lacks an operation, gets infinity.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (_ROWS, *size, 3), np.uint8)
    seconds, running = dict.fromkeys(towers, math.inf), dict(towers)
    for name, tower in towers.items():
        try:
            tower.run(pixels, "THROUGHPUT")  # compiles it
        except RuntimeError:
            del running[name]
    for _ in range(_ROUNDS):
        for name, tower in running.items():
            began = time.perf_counter()
            tower.run(pixels, "THROUGHPUT")
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return seconds


def _processor() -> str:
    name = load_openvino().Core().get_property("CPU", "FULL_DEVICE_NAME")
    return f"{name}, {os.cpu_count()} threads"


def read_measured(path: str, what: str) -> dict[str, float]:
    """Return a stored measurement of each precision on this processor, {} if there is none."""
    known = read_record(path)
    try:
        if known is None or known["processor"] != _processor():
            return {}
        return {str(name): float(measured) for name, measured in known[what].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_measured(path: str, what: str, measured: Mapping[str, float]) -> None:
    """Store a measurement on this processor; does nothing if the folder is not writable."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_record(path, {"processor": _processor(), what: dict(measured)})
    except OSError:
        return
