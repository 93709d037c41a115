"""One half of an exported model, running on the processor: rows of inputs to rows of vectors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.runtime import load_openvino

CACHE_MODES = ("OPTIMIZE_SIZE", "OPTIMIZE_SPEED")
"""Without a second copy of the weights, and as quick to load, is the better one."""

ROWS_A_REQUEST = {"image": 16, "text": 64}
"""Measured: see README, "How it works"."""

Goal = Literal["LATENCY", "THROUGHPUT"]
"""One input at a time on all cores, or many at a time side by side: OpenVINO's own words."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a tower's file is and how it is run.

    `compiled` is the folder in which OpenVINO keeps what it makes of it for this machine, with or
    without a copy of the weights: one of `CACHE_MODES`.
    """

    file: str
    compiled: str
    cache_mode: str
    precision: str
    rows_a_request: int
    dim: int


class Tower:
    """Compiled when it is first needed, for one goal or for both."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._crews: dict[Goal, _Crew] = {}

    def is_compiled_for(self, goal: Goal) -> bool:
        """Tell whether running it for that goal costs no more than running it."""
        return goal in self._crews

    def prepare(self, goal: Goal) -> None:
        """Compile it now, instead of when it first runs for that goal."""
        self._compiled_for(goal)

    def rows_at_once(self) -> int:
        """Return how many rows keep all requests busy once; they are then encoded side by side.

        How many requests there are is OpenVINO's choice for the cores of this machine.
        """
        return self._compiled_for("THROUGHPUT").size * self._placement.rows_a_request

    def run(self, inputs: NDArray[Any], goal: Goal) -> NDArray[np.float32]:
        """Return (n, dim) rows, shared out among the requests: whichever is free takes the next."""
        crew = self._compiled_for(goal)
        rows = np.empty((len(inputs), self._placement.dim), np.float32)
        share = -(-len(inputs) // crew.size)
        step = max(1, min(share, self._placement.rows_a_request))
        try:
            crew.run(inputs, rows, step)
        except BaseException:
            # What is still under way would keep its request busy for good.
            self._crews.pop(goal, None)
            raise
        return rows

    def _compiled_for(self, goal: Goal) -> _Crew:
        if goal not in self._crews:
            settings = {
                "INFERENCE_PRECISION_HINT": self._placement.precision,
                "PERFORMANCE_HINT": goal,
                "CACHE_DIR": self._placement.compiled,
                "CACHE_MODE": self._placement.cache_mode,
            }
            core = load_openvino().Core()
            compiled = core.compile_model(self._placement.file, "CPU", settings)
            count = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
            self._crews[goal] = _Crew([compiled.create_infer_request() for _ in range(count)])
        return self._crews[goal]


class _Crew:
    """Requests side by side, each fed by a thread that waits for it.

    Threads and not OpenVINO's queue with callbacks: that can wait for a thread that waits for
    Python's lock when it is destroyed.
    """

    def __init__(self, requests: list[Any]) -> None:
        self.size = len(requests)
        self._free: SimpleQueue[Any] = SimpleQueue()
        for request in requests:
            self._free.put(request)
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="pixtrieve-encode")

    def run(self, inputs: NDArray[Any], rows: NDArray[np.float32], step: int) -> None:
        """Fill `rows` with what comes of `inputs`, `step` of them at a time."""
        parts = [slice(at, at + step) for at in range(0, len(inputs), step)]

        def encode(part: slice) -> None:
            request = self._free.get()
            try:
                request.start_async({0: np.ascontiguousarray(inputs[part])})
                request.wait()
                rows[part] = request.get_output_tensor().data
            finally:
                self._free.put(request)

        if len(parts) == 1:
            encode(parts[0])
            return
        for _ in self._threads.map(encode, parts):
            pass
