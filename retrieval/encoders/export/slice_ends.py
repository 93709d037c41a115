"""Bound the ends of slices in an exported model, to avoid a bug in OpenVINO's compile cache.

Torch writes `x[:, 1:]` as a slice up to the largest 64-bit number. A freshly compiled model is
right. But when OpenVINO (2026.1, 2026.4) loads the compiled model from a cache that refers to the
weights, it slices twice: after the class token, it also removes the first patch. Then it fails or
returns wrong numbers. With an end within 32 bits it does not.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

_FURTHEST = np.iinfo(np.int32).max
"""Larger than any dimension of a model."""


def bound_slice_ends(model: Any) -> None:
    """Bound the ends of all slices in an openvino.Model; their results stay the same."""
    operations = importlib.import_module("openvino.opset13")
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Slice":
            continue
        ends = node.input_value(2).get_node()
        if ends.get_type_name() == "Constant" and (ends.data > _FURTHEST).any():
            bounded = operations.constant(np.minimum(ends.data, _FURTHEST))
            node.input(2).replace_source_output(bounded.output(0))
