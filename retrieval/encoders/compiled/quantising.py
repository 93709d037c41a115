"""Quantises an image tower with NNCF, in a process of its own.

NNCF prints, imports torch where that is installed, and would stay in memory for the hours that
indexing takes.

    python -m retrieval.encoders.compiled.quantising TOWER.xml PIXELS.npy RESULT.xml
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.runtime import load_nncf, load_openvino
from retrieval.errors import ModelError


def quantise(tower: str, pixels: NDArray[np.uint8], result: str) -> None:
    """Write the tower of a file, calibrated on pictures (n, H, W, 3), to `result` (….xml).

    Raises ModelError with NNCF's own last words when it cannot.
    """
    with tempfile.TemporaryDirectory(prefix="pixtrieve-") as folder:
        calibration = os.path.join(folder, "pixels.npy")
        np.save(calibration, pixels)
        above = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [above, os.environ.get("PYTHONPATH", "")]))
        command = [sys.executable, "-m", __name__, tower, calibration, result]
        done = subprocess.run(  # noqa: S603 - this very module
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        said = lines[-1][:200] if lines else f"it ended with code {done.returncode}"
        raise ModelError(f"NNCF could not quantise it: {said}")


def _quantise_here(tower: str, calibration: str, result: str) -> None:
    """Quantise in this process. The settings were chosen by measurement: see README.

    `TRANSFORMER` leaves what loses most in floats, for convolutional towers as well, and evens out
    channels first (SmoothQuant). Ranges reach from the least to the greatest number seen: cutting
    outliers off, or correcting biases, made vectors worse. Both ends of the tower stay floats.
    Where sums may overflow, weights take half of their range.
    """
    nncf, openvino = load_nncf(), load_openvino()
    model = openvino.Core().read_model(tower)
    pixels = np.load(calibration)
    fixes = nncf.quantization.advanced_parameters.OverflowFix
    ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX
    quantised = nncf.quantize(
        model,
        nncf.Dataset([pixels[row : row + 1] for row in range(len(pixels))]),
        subset_size=len(pixels),
        model_type=nncf.ModelType.TRANSFORMER,
        ignored_scope=nncf.IgnoredScope(names=_ends(model)),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=ranges,
            disable_bias_correction=True,
            overflow_fix=fixes.ENABLE if sums_overflow() else fixes.DISABLE,
        ),
    )
    openvino.save_model(quantised, result, compress_to_fp16=False)


def sums_overflow(flags: str = "/proc/cpuinfo") -> bool:
    """Tell whether this processor may cut off sums of products of eight-bit numbers.

    x86 without VNNI adds two of them up in sixteen bits (NNCF's documentation of `overflow_fix`).
    Where that cannot be read, as away from Linux, it is taken for one that does.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        with open(flags, encoding="ascii", errors="replace") as file:
            return "vnni" not in file.read()
    except OSError:
        return True


def _ends(model: Any) -> list[str]:
    """Return the names of the first and the last layer that has weights."""
    kinds = ("Convolution", "GroupConvolution", "MatMul")
    names = [
        operation.get_friendly_name()
        for operation in model.get_ordered_ops()
        if operation.get_type_name() in kinds
    ]
    return list(dict.fromkeys([*names[:1], *names[-1:]]))


if __name__ == "__main__":
    _quantise_here(*sys.argv[1:])
