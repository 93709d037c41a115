"""What half floats hold exactly is stored in them; nothing else changes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.export.fp16_constants import store_as_fp16

ov = load_openvino()
operations = importlib.import_module("openvino.opset13")


def product_with(numbers: NDArray[np.float32]) -> Any:
    """Return a model that multiplies its input, (n, rows), with a constant."""
    rows = operations.parameter([-1, len(numbers)], ov.Type.f32)
    product = operations.matmul(rows, operations.constant(numbers), False, False)
    return ov.Model([operations.result(product)], [rows], "product")


def stored_bytes(model: Any, folder: Path) -> int:
    ov.save_model(model, str(folder / "model.xml"), compress_to_fp16=False)
    return (folder / "model.bin").stat().st_size


def random_numbers() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(32, 16)).astype(np.float32)


def test_halves_stay_halves_and_the_results_the_same(tmp_path: Path) -> None:
    numbers = random_numbers().astype(np.float16).astype(np.float32)
    rows = random_numbers().T
    expected = ov.Core().compile_model(product_with(numbers), "CPU")(rows)[0]
    model = product_with(numbers)
    store_as_fp16(model)
    assert stored_bytes(model, tmp_path) == numbers.nbytes // 2
    found = ov.Core().compile_model(str(tmp_path / "model.xml"), "CPU")(rows)[0]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("value", [0.1, 1e6, 1e-9, float("nan")])
def test_one_number_that_does_not_fit_keeps_all_as_they_are(tmp_path: Path, value: float) -> None:
    numbers = random_numbers().astype(np.float16).astype(np.float32)
    numbers[3, 3] = value
    model = product_with(numbers)
    store_as_fp16(model)
    assert stored_bytes(model, tmp_path) == numbers.nbytes
