"""One half of an exported model, running on the processor: rows of inputs to rows of vectors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.runtime import load_openvino

CACHE_MODES = ("OPTIMIZE_SIZE", "OPTIMIZE_SPEED")
"""Without a second copy of the weights, and as quick to load, is the better one."""

ROWS_A_REQUEST = {"image": 16, "text": 64}
"""Measured: see README, "How it works"."""

Graph = tuple[bytes, NDArray[np.uint8]]
"""A tower that lies in no file: what NAME.xml and NAME.bin would hold."""

Goal = Literal["LATENCY", "THROUGHPUT"]
"""One input at a time on all cores, or many at a time side by side: OpenVINO's own words."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a tower's file is and how it is run.

    `compiled` is the folder in which OpenVINO keeps what it makes of it for this machine, with or
    without a copy of the weights: one of `CACHE_MODES`. A tower that lies in no file has `graph`,
    and is compiled each time.
    """

    file: str
    compiled: str
    cache_mode: str
    precision: str
    rows_a_request: int
    dim: int
    graph: Callable[[], Graph] | None = None


class Tower:
    """Compiled when it is first needed, for one goal or for both."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._requests: dict[Goal, list[Any]] = {}

    def is_compiled_for(self, goal: Goal) -> bool:
        """Tell whether running it for that goal costs no more than running it."""
        return goal in self._requests

    def prepare(self, goal: Goal) -> None:
        """Compile it now, instead of when it first runs for that goal."""
        self._compiled_for(goal)

    def rows_at_once(self) -> int:
        """Return how many rows keep all requests busy once; they are then encoded side by side.

        How many requests there are is OpenVINO's choice for the cores of this machine.
        """
        return len(self._compiled_for("THROUGHPUT")) * self._placement.rows_a_request

    def run(self, inputs: NDArray[Any], goal: Goal) -> NDArray[np.float32]:
        """Return (n, dim) rows, shared out evenly among as many requests as there are.

        Without callbacks: OpenVINO's queue with callbacks can wait for a thread that waits for
        Python's lock when it is destroyed.
        """
        requests = self._compiled_for(goal)
        try:
            return self._run(inputs, requests)
        except BaseException:
            # Those under way would stay busy for good.
            self._requests.pop(goal, None)
            raise

    def _run(self, inputs: NDArray[Any], requests: list[Any]) -> NDArray[np.float32]:
        rows = np.empty((len(inputs), self._placement.dim), np.float32)
        share = -(-len(inputs) // len(requests))
        step = max(1, min(share, self._placement.rows_a_request))
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
        kept = {"CACHE_DIR": place.compiled, "CACHE_MODE": place.cache_mode}
        return core.compile_model(place.file, "CPU", {**settings, **kept})


def model_in_memory(graph: Graph) -> Any:
    """Return a tower that lies in no file as an openvino.Model."""
    ov = load_openvino()
    xml, weights = graph
    return ov.Core().read_model(xml, ov.Tensor(weights))
