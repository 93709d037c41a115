"""Quantise an image tower with NNCF in a separate process.

NNCF prints, imports torch if that is installed, and would stay in memory for the hours that
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
    """Quantise the file `tower` (….xml), calibrated on (n, H, W, 3) pixels, into `result` (….xml).

    Raises ModelError with the last line of NNCF's error output when it fails.
    """
    with tempfile.TemporaryDirectory(prefix="pixtrieve-") as folder:
        calibration = os.path.join(folder, "pixels.npy")
        np.save(calibration, pixels)
        above = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [above, os.environ.get("PYTHONPATH", "")]))
        command = [sys.executable, "-m", __name__, tower, calibration, result]
        done = subprocess.run(  # noqa: S603 - it runs this module
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
        reason = lines[-1][:200] if lines else f"exit code {done.returncode}"
        raise ModelError(f"NNCF could not quantise it: {reason}")


def _quantise_here(tower: str, calibration: str, result: str) -> None:
    """Quantise in this process, with settings chosen by measurement.

    `TRANSFORMER` keeps the most sensitive layers in floats, also in convolutional towers, and
    equalises channels first (SmoothQuant). Ranges span the smallest to the largest value seen:
    clipping outliers and correcting biases made vectors worse. The first and the last layer stay
    in floats. If sums can overflow, weights use half of their range.
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
    """Return whether sums of int8 products can overflow on this processor.

    x86 without VNNI adds two products in 16 bits (NNCF's documentation of `overflow_fix`). If the
    processor's flags cannot be read, as on other systems than Linux, the answer is true.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        with open(flags, encoding="ascii", errors="replace") as file:
            return "vnni" not in file.read()
    except OSError:
        return True


def _ends(model: Any) -> list[str]:
    """Return the names of the first and the last layer with weights."""
    kinds = ("Convolution", "GroupConvolution", "MatMul")
    names = [
        operation.get_friendly_name()
        for operation in model.get_ordered_ops()
        if operation.get_type_name() in kinds
    ]
    return list(dict.fromkeys([*names[:1], *names[-1:]]))


if __name__ == "__main__":
    _quantise_here(*sys.argv[1:])
