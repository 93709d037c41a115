"""Proves towers equal to open_clip, on inputs that nobody would have, on the way they will run.

open_clip's own vectors of those inputs stay beside an export, so that a machine without open_clip
can prove it again: a precision that the exporting machine did not have, an export that was brought
in.
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
"""A precision that takes any probe's vector further from open_clip's is not chosen by itself."""

PROBES = "probes.npz"


@dataclass(frozen=True, slots=True)
class Probe:
    """Inputs of a tower, "image" or "text", and open_clip's vectors of them."""

    tower: str
    inputs: NDArray[Any]
    expected: NDArray[np.float32]


def write_probes(folder: str, probes: Sequence[Probe]) -> None:
    """Keep what open_clip makes of the probes, in half floats, which leave cosines what they are.

    Pictures are not kept: `probe_pixels` draws them.
    """
    arrays = {probe.tower: probe.expected.astype(np.float16) for probe in probes}
    arrays["tokens"] = next(probe.inputs for probe in probes if probe.tower == "text")
    np.savez(os.path.join(folder, PROBES), **arrays)  # type: ignore[arg-type, unused-ignore]


def read_probes(folder: str, size: tuple[int, int]) -> tuple[Probe, ...]:
    """Return what `write_probes` kept; OSError, ValueError or KeyError when it is damaged."""
    with np.load(os.path.join(folder, PROBES), allow_pickle=False) as kept:
        inputs = {"image": probe_pixels(size), "text": kept["tokens"]}
        expected = {name: kept[name].astype(np.float32) for name in inputs}
    return tuple(Probe(name, inputs[name], _unit(expected[name])) for name in inputs)


def native_precisions() -> tuple[str, ...]:
    """Return the precisions that this processor has arithmetic of its own for."""
    has = load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (*(hint for name, hint in (("BF16", "bf16"), ("FP16", "f16")) if name in has), EXACT)


def least_cosines(
    probes: Sequence[Probe], towers: Mapping[str, Any], precisions: Sequence[str]
) -> dict[str, float]:
    """Return, by precision, the lowest cosine to open_clip's vectors; towers are openvino.Models.

    That is 0 in a precision in which they do not run.
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
    """Raise ModelError for an export whose lowest cosine is too low."""
    if not cosine >= LEAST_COSINE:
        raise ModelError(
            f"its vectors would differ (cosine {cosine:.5f}, at least {LEAST_COSINE} is wanted)"
        )


def cache_mode(probes: Sequence[Probe], folder: str) -> str:
    """Return how OpenVINO may keep what it compiles, so that what it reads back says the same.

    What it makes of a cache without weights need not be what it compiled: see `export.ends`.
    ModelError when it goes wrong in every mode.
    """
    cosines: list[float] = []
    for mode in CACHE_MODES:
        with tempfile.TemporaryDirectory(dir=folder) as compiled:
            tries = ("compiled", "read back")
            cosines += [_as_it_will_run(probes, folder, compiled, mode) for _ in tries]
        if min(cosines[-2:]) >= LEAST_COSINE:
            return mode
    raise ModelError(
        "OpenVINO does not read back what it compiled (cosines "
        + ", ".join(f"{cosine:.5f}" for cosine in cosines)
        + ")"
    )


def _as_it_will_run(probes: Sequence[Probe], folder: str, compiled: str, mode: str) -> float:
    """Return the lowest cosine of vectors that come the way on which they will; 0 if none come."""
    cosines = []
    for probe in probes:
        file = os.path.join(folder, f"{probe.tower}.xml")
        rows_a_request = 2  # several requests side by side, each with a batch
        dim = probe.expected.shape[1]
        placement = Placement(file, compiled, mode, EXACT, rows_a_request, dim)
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
    """Return the lowest; what is not a number counts as such, which `min` may overlook."""
    return float(np.min(list(cosines)))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
