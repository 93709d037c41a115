"""Proves an export equal to open_clip, on inputs that nobody would have, on the way it will run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.openvino import LEAST_COSINE, native_precisions
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.compiled.speeds import EXACT
from retrieval.encoders.compiled.towers import CACHE_MODES, Placement, Tower
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import PROBE_TEXTS, probe_pixels
from retrieval.errors import ModelError


@dataclass(frozen=True, slots=True)
class Probe:
    """Inputs of a tower, "image" or "text", and open_clip's vectors of them."""

    tower: str
    inputs: NDArray[Any]
    expected: NDArray[np.float32]


def probes_of(encoder: OpenClipEncoder) -> tuple[Probe, ...]:
    """Return a probe of each tower. For large models open_clip takes seconds."""
    pixels = probe_pixels(encoder.spec.preprocessing.size)
    return (
        Probe("image", pixels, encoder.encode_images(pixels)),
        Probe("text", probe_tokens(encoder), encoder.encode_texts(list(PROBE_TEXTS))),
    )


def least_cosines(probes: Sequence[Probe], towers: Mapping[str, Any]) -> dict[str, float]:
    """Return, by precision this processor has, the lowest cosine to open_clip's vectors."""
    core, least = load_openvino().Core(), {}
    for precision in native_precisions():
        settings = {"INFERENCE_PRECISION_HINT": precision}
        least[precision] = min(
            least_cosine(
                core.compile_model(towers[probe.tower], "CPU", settings)(probe.inputs)[0],
                probe.expected,
            )
            for probe in probes
        )
    return least


def require_equal(cosine: float) -> None:
    """Raise ModelError for an export whose lowest cosine is too low."""
    if not cosine >= LEAST_COSINE:
        raise ModelError(
            f"its vectors would differ (cosine {cosine:.5f}, at least {LEAST_COSINE} is wanted)"
        )


def cache_mode(probes: Sequence[Probe], folder: str) -> str:
    """Return how OpenVINO may keep what it compiles, so that what it reads back says the same.

    What it makes of a cache without weights need not be what it compiled: see `ends`. ModelError
    when it goes wrong in every mode.
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
    return min(cosines)


def probe_tokens(encoder: OpenClipEncoder) -> NDArray[np.int64]:
    """Return (n, context) tokens of the probe texts."""
    tokens: NDArray[np.int64] = encoder.tokenize(list(PROBE_TEXTS)).numpy()
    return tokens


def least_cosine(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the lowest cosine between rows of any length and rows of length 1."""
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    return float((unit * expected).sum(axis=1).min())
