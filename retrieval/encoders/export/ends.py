"""Gives every slice of an exported model an end, for OpenVINO cuts those without one off twice.

Torch writes `x[:, 1:]` as a slice up to the largest number there is. Compiled at once, that is
right. When OpenVINO (2026.1, 2026.4) reads back what it compiled from a cache that refers to the
weights, it cuts once more: after a class token, the first patch. It then fails, or says nothing.
With an end within 32 bits it does not.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

_FURTHEST = np.iinfo(np.int32).max
"""Behind the end of whatever a model holds."""


def end_slices(model: Any) -> None:
    """Bound the ends of all slices in an openvino.Model; what they cut stays the same."""
    operations = importlib.import_module("openvino.opset13")
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Slice":
            continue
        ends = node.input_value(2).get_node()
        if ends.get_type_name() == "Constant" and (ends.data > _FURTHEST).any():
            bounded = operations.constant(np.minimum(ends.data, _FURTHEST))
            node.input(2).replace_source_output(bounded.output(0))
