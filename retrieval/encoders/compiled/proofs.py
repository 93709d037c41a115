"""Compare towers with open_clip on probe inputs, in the way that they will run.

An export stores open_clip's vectors of the probes. So a machine without open_clip can repeat the
comparison: for a precision that the exporting machine does not support, or for an imported export.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.compiled.speeds import EXACT
from retrieval.encoders.compiled.towers import CACHE_MODES, Placement, Tower
from retrieval.encoders.probes import probe_pixels
from retrieval.errors import ModelError

LEAST_COSINE = 0.9999
"""A precision is chosen automatically only if every probe's cosine to open_clip reaches this."""

PROBES = "probes.npz"


@dataclass(frozen=True, slots=True)
class Probe:
    """Inputs of a tower ("image" or "text") and open_clip's unit vectors (n, dim) of them."""

    tower: str
    inputs: NDArray[Any]
    expected: NDArray[np.float32]


def write_probes(folder: str, probes: Sequence[Probe]) -> None:
    """Store open_clip's vectors of the probes in half floats, which hardly change cosines.

    Pictures are not stored: `probe_pixels` draws them.
    """
    arrays = {probe.tower: probe.expected.astype(np.float16) for probe in probes}
    arrays["tokens"] = next(probe.inputs for probe in probes if probe.tower == "text")
    np.savez(os.path.join(folder, PROBES), **arrays)  # type: ignore[arg-type, unused-ignore]


def read_probes(folder: str, size: tuple[int, int]) -> tuple[Probe, ...]:
    """Read what `write_probes` stored; OSError, ValueError or KeyError for a damaged file."""
    with np.load(os.path.join(folder, PROBES), allow_pickle=False) as stored:
        inputs = {"image": probe_pixels(size), "text": stored["tokens"]}
        expected = {name: stored[name].astype(np.float32) for name in inputs}
    return tuple(Probe(name, inputs[name], _unit(expected[name])) for name in inputs)


def native_precisions() -> tuple[str, ...]:
    """Return the precisions that this processor supports natively."""
    has = load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (*(hint for name, hint in (("BF16", "bf16"), ("FP16", "f16")) if name in has), EXACT)


def least_cosines(
    probes: Sequence[Probe], towers: Mapping[str, Any], precisions: Sequence[str]
) -> dict[str, float]:
    """Return, by precision, the lowest cosine to open_clip's vectors; 0 if towers do not run.

    `towers` are openvino.Models by name. In float32, towers that do not run raise RuntimeError.
    """
    core, least = load_openvino().Core(), {}
    for precision in precisions:
        settings = {"INFERENCE_PRECISION_HINT": precision}
        try:
            least[precision] = _least(
                least_cosine(
                    core.compile_model(towers[probe.tower], "CPU", settings)(probe.inputs)[0],
                    probe.expected,
                )
                for probe in probes
            )
        except RuntimeError:
            if precision == EXACT:
                raise
            least[precision] = 0.0
    return least


def require_equal(cosine: float) -> None:
    """Raise ModelError if an export's lowest cosine is too low or NaN."""
    if not cosine >= LEAST_COSINE:
        raise ModelError(
            f"its vectors would differ (cosine {cosine:.5f}, at least {LEAST_COSINE} is needed)"
        )


def cache_mode(probes: Sequence[Probe], folder: str) -> str:
    """Return the first mode of OpenVINO's compile cache that reproduces open_clip's vectors.

    A model loaded from a cache without weights can differ from the compiled one: see
    `export.slice_ends`. Raises ModelError if every mode fails.
    """
    cosines: list[float] = []
    for mode in CACHE_MODES:
        with tempfile.TemporaryDirectory(dir=folder) as compiled:
            tries = ("compiled", "read back")
            cosines += [_cosine_through_cache(probes, folder, compiled, mode) for _ in tries]
        if min(cosines[-2:]) >= LEAST_COSINE:
            return mode
    raise ModelError(
        "OpenVINO's compile cache does not reproduce the model (cosines "
        + ", ".join(f"{cosine:.5f}" for cosine in cosines)
        + ")"
    )


def _cosine_through_cache(probes: Sequence[Probe], folder: str, compiled: str, mode: str) -> float:
    """Return the lowest cosine of a tower that runs through the compile cache; 0 if it fails."""
    cosines = []
    for probe in probes:
        file = os.path.join(folder, f"{probe.tower}.xml")
        rows_per_request = 2  # several requests side by side, each with a batch
        dim = probe.expected.shape[1]
        placement = Placement(file, compiled, mode, EXACT, rows_per_request, dim)
        try:
            found = Tower(placement).run(probe.inputs, "THROUGHPUT")
        except RuntimeError:
            return 0.0
        cosines.append(least_cosine(found, probe.expected))
    return _least(cosines)


def least_cosine(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the lowest cosine between rows of any length and rows of length 1."""
    return float((_unit(found) * expected).sum(axis=1).min())


def _least(cosines: Iterable[float]) -> float:
    """Return the lowest; NaN if one is NaN, which the built-in `min` may miss."""
    return float(np.min(list(cosines)))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
