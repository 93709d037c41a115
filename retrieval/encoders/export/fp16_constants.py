"""Makes an exported model small on disk without changing one number of it.

A checkpoint in half precision is widened when open_clip loads it, and would be written down at
twice its size. Every constant that half floats hold exactly is kept in them and widened again
when the model is compiled; all others stay as they are.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from retrieval.encoders.compiled.runtime import load_openvino

_ENOUGH = 256
"""Constants with fewer numbers are not worth a conversion."""


def keep_halves(model: Any) -> None:
    """Turn float32 constants of an openvino.Model into half floats where that is exact."""
    ov = load_openvino()
    operations = importlib.import_module("openvino.opset13")
    for constant in model.get_ordered_ops():
        if constant.get_type_name() != "Constant" or constant.get_element_type() != ov.Type.f32:
            continue
        numbers = constant.data
        if numbers.size < _ENOUGH:
            continue
        with np.errstate(over="ignore"):  # too large for a half float is not exact either
            halves = numbers.astype(np.float16)
        if np.array_equal(halves.astype(np.float32), numbers):
            kept = operations.constant(halves, dtype=ov.Type.f16)
            widened = operations.convert(kept, "f32").output(0)
            for user in constant.output(0).get_target_inputs():
                user.replace_source_output(widened)
