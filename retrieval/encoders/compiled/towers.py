"""One tower of an exported model on the processor: rows of inputs to rows of vectors."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.models.fingerprint import digests, have_digests
from retrieval.whole_file import read_record, write_record

CACHE_MODES = ("OPTIMIZE_SIZE", "OPTIMIZE_SPEED")
"""OpenVINO's cache modes, the better one first: no second copy of the weights, as fast to load."""

ROWS_PER_REQUEST = {"image": 16, "text": 64}
"""The number of rows in one inference request; chosen by measurement."""

Graph = tuple[bytes, NDArray[np.uint8]]
"""A tower in memory: the contents of NAME.xml and NAME.bin."""

_COMPILED = "digests.json"

Goal = Literal["LATENCY", "THROUGHPUT"]
"""OpenVINO's performance hints: one input on all cores, or many inputs in parallel."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a tower's file is and how the tower runs.

    `compiled` is the folder of OpenVINO's compile cache. `cache_mode`, one of `CACHE_MODES`,
    decides whether the cache includes a copy of the weights. A tower in memory has `graph` instead
    of `file`; it is not cached.
    """

    file: str
    compiled: str
    cache_mode: str
    precision: str
    rows_per_request: int
    dim: int
    graph: Callable[[], Graph] | None = None


class Tower:
    """A tower that compiles on first use, for each goal separately."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._requests: dict[Goal, list[Any]] = {}

    def is_compiled_for(self, goal: Goal) -> bool:
        """Return whether `run` for that goal needs no compilation."""
        return goal in self._requests

    def prepare(self, goal: Goal) -> None:
        """Compile now for that goal, instead of on the first run."""
        self._compiled_for(goal)

    def rows_at_once(self) -> int:
        """Return the number of rows that keep all parallel requests busy once.

        OpenVINO chooses the number of requests for the cores of this machine.
        """
        return len(self._compiled_for("THROUGHPUT")) * self._placement.rows_per_request

    def run(self, inputs: NDArray[Any], goal: Goal) -> NDArray[np.float32]:
        """Return (n, dim) rows, distributed evenly over the requests.

        This does not use OpenVINO's queue with callbacks: when destroyed, it can wait for a thread
        that waits for Python's global lock.
        """
        requests = self._compiled_for(goal)
        try:
            return self._run(inputs, requests)
        except BaseException:
            # Requests in progress would stay busy forever.
            self._requests.pop(goal, None)
            raise

    def _run(self, inputs: NDArray[Any], requests: list[Any]) -> NDArray[np.float32]:
        rows = np.empty((len(inputs), self._placement.dim), np.float32)
        share = -(-len(inputs) // len(requests))
        step = max(1, min(share, self._placement.rows_per_request))
        started: deque[tuple[Any, int]] = deque()

        def finish(request: Any, start: int) -> None:
            request.wait()
            found = request.get_output_tensor().data
            rows[start : start + len(found)] = found

        for number, start in enumerate(range(0, len(inputs), step)):
            if len(started) == len(requests):
                finish(*started.popleft())
            request = requests[number % len(requests)]
            request.start_async({0: np.ascontiguousarray(inputs[start : start + step])})
            started.append((request, start))
        while started:
            finish(*started.popleft())
        return rows

    def _compiled_for(self, goal: Goal) -> list[Any]:
        if goal not in self._requests:
            compiled = self._compiled(
                {
                    "INFERENCE_PRECISION_HINT": self._placement.precision,
                    "PERFORMANCE_HINT": goal,
                }
            )
            count = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
            self._requests[goal] = [compiled.create_infer_request() for _ in range(count)]
        return self._requests[goal]

    def _compiled(self, settings: dict[str, str]) -> Any:
        place, core = self._placement, load_openvino().Core()
        if place.graph is not None:
            return core.compile_model(model_in_memory(place.graph()), "CPU", settings)
        caching = {"CACHE_DIR": place.compiled, "CACHE_MODE": place.cache_mode}
        drop_damaged(place.compiled)
        compiled = core.compile_model(place.file, "CPU", {**settings, **caching})
        remember_compiled(place.compiled)
        return compiled


def drop_damaged(folder: str) -> list[str]:
    """Delete the compiled towers in a folder that differ from their record; return their names.

    OpenVINO believes its cache, whatever is in it. What it deletes here, it compiles again.
    """
    damaged = damaged_towers(folder)
    for name in damaged:
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))
    return damaged


def damaged_towers(folder: str) -> list[str]:
    """Return the names of the compiled towers in a folder that differ from their record."""
    wanted, damaged = read_record(os.path.join(folder, _COMPILED)) or {}, []
    for name in _blobs(folder):
        with suppress(OSError):
            if name not in wanted or not have_digests(folder, {name: wanted[name]}):
                damaged.append(name)
    return damaged


def remember_compiled(folder: str) -> None:
    """Record the SHA-256 of each compiled tower in a folder."""
    names = _blobs(folder)
    with suppress(OSError):
        found = dict(zip(names, digests([os.path.join(folder, n) for n in names]), strict=True))
        if found and found != read_record(os.path.join(folder, _COMPILED)):
            write_record(os.path.join(folder, _COMPILED), found)


def _blobs(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".blob"))
    except OSError:
        return []


def model_in_memory(graph: Graph) -> Any:
    """Return a tower in memory as an openvino.Model."""
    ov = load_openvino()
    xml, weights = graph
    return ov.Core().read_model(xml, ov.Tensor(weights))
