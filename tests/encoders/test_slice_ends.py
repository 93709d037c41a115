"""Slices have ends, so that what OpenVINO reads from its cache is what it compiled."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.export.slice_ends import bound_slice_ends

ov = load_openvino()
operations = importlib.import_module("openvino.opset13")
OPEN = np.iinfo(np.int64).max


def model_cutting(part: slice, axis: int) -> Any:
    """Return a model of (n, 9, 8) that cuts a part out of one axis and adds up the last."""
    given = operations.parameter([-1, 9, 8], np.float32)
    numbers = (part.start, part.stop, part.step, axis)
    cut = operations.slice(given, *(operations.constant(np.array([n], np.int64)) for n in numbers))
    return ov.Model([operations.reduce_sum(cut, operations.constant(2))], [given], "cutting")


def compiled_and_read_back(model: Any, folder: Path) -> list[Any]:
    ov.save_model(model, str(folder / "model.xml"), compress_to_fp16=False)
    settings = {"CACHE_DIR": str(folder / "cache"), "CACHE_MODE": "OPTIMIZE_SIZE"}
    return [ov.Core().compile_model(str(folder / "model.xml"), "CPU", settings) for _ in range(2)]


@pytest.mark.parametrize("start", [1, -5])
@pytest.mark.parametrize("stop", [OPEN, 7, -1])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("axis", [1, 2])
def test_what_they_cut_stays_the_same(
    start: int, stop: int, step: int, axis: int, tmp_path: Path
) -> None:
    part = slice(start, stop, step)
    x = np.random.default_rng(0).normal(size=(3, 9, 8)).astype(np.float32)
    places = (slice(None),) * axis + (part,)
    model = model_cutting(part, axis)
    bound_slice_ends(model)
    for compiled in compiled_and_read_back(model, tmp_path):
        np.testing.assert_allclose(compiled(x)[0], x[places].sum(axis=2), atol=1e-5)


def test_every_open_end_is_bounded_and_no_other_is_touched() -> None:
    def ends(model: Any) -> list[int]:
        slices = [op for op in model.get_ordered_ops() if op.get_type_name() == "Slice"]
        return [int(op.input_value(2).get_node().data[0]) for op in slices]

    model = model_cutting(slice(1, OPEN, 1), 1)
    bound_slice_ends(model)
    assert ends(model) == [np.iinfo(np.int32).max]
    for stop in (7, -1):
        model = model_cutting(slice(1, stop, 1), 1)
        bound_slice_ends(model)
        assert ends(model) == [stop]
