"""Halve the size of an exported model without changing its numbers.

open_clip converts a checkpoint in half precision to float32 when loading, so an export would have
twice its size. Constants that half floats represent exactly are stored as half floats and
converted back when the model compiles. All others stay as they are.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from retrieval.encoders.compiled.runtime import load_openvino

_ENOUGH = 256
"""For constants with fewer numbers, a conversion does not pay."""


def store_as_fp16(model: Any) -> None:
    """Store float32 constants of an openvino.Model as half floats where that is exact."""
    ov = load_openvino()
    operations = importlib.import_module("openvino.opset13")
    for constant in model.get_ordered_ops():
        if constant.get_type_name() != "Constant" or constant.get_element_type() != ov.Type.f32:
            continue
        numbers = constant.data
        if numbers.size < _ENOUGH:
            continue
        with np.errstate(over="ignore"):  # an overflow fails the comparison below
            halves = numbers.astype(np.float16)
        if np.array_equal(halves.astype(np.float32), numbers):
            stored = operations.constant(halves, dtype=ov.Type.f16)
            widened = operations.convert(stored, "f32").output(0)
            for user in constant.output(0).get_target_inputs():
                user.replace_source_output(widened)
