"""Which precision a model's image tower runs fastest in on this processor: measured, and kept.

That a processor has arithmetic for a precision does not say that it is faster in it: without
matrix units bfloat16 can take twice the time of float32 (benchmarks/precision.py shows it).
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.compiled.towers import Tower
from retrieval.whole_file import whole_file

EXACT = "f32"
GAIN = 1.3
"""A precision that is not so many times as fast as float32 is not worth being less equal."""

_FILE = "speeds.json"
_ROWS = 4
_ROUNDS = 2


def fastest(
    candidates: Sequence[str],
    folder: str,
    size: tuple[int, int],
    tower: Callable[[str], Tower],
) -> str:
    """Return the precision to take of those that are equal enough; "f32" is always one of them.

    `tower(precision)` takes pixels (n, *size, 3). What was measured is kept in the export's folder,
    for this processor alone; a folder that cannot be written is measured for every time.
    """
    if set(candidates) <= {EXACT}:
        return EXACT
    path = os.path.join(folder, _FILE)
    seconds = read_measured(path, "seconds")
    if not set(candidates) <= set(seconds):
        seconds = measure({name: tower(name) for name in candidates}, size)
        write_measured(path, "seconds", seconds)
    best = min(candidates, key=seconds.__getitem__)
    return best if seconds[best] * GAIN < seconds[EXACT] else EXACT


def measure(towers: Mapping[str, Tower], size: tuple[int, int]) -> dict[str, float]:
    """Return the seconds that each takes for the same few pictures; they take turns.

    One that does not run, for the processor lacks an operation in that precision, takes forever.
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
    """Return what was measured of each precision on this processor, {} if nothing was."""
    try:
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
        if known["processor"] != _processor():
            return {}
        return {str(name): float(measured) for name, measured in known[what].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_measured(path: str, what: str, measured: Mapping[str, float]) -> None:
    """Keep what was measured on this processor; a folder that cannot be written keeps nothing."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with whole_file(path) as file:
            file.write(json.dumps({"processor": _processor(), what: measured}).encode())
    except OSError:
        return
