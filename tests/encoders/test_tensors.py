"""The reader of safetensors: arrays, or a ValueError for whatever a header says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.encoders.tensors import Tensors

SOUND = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def written(tmp_path: Path, header: Any, data: bytes = bytes(24)) -> str:
    text = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(path)


def test_arrays_are_read(tmp_path: Path) -> None:
    rows = np.arange(6, dtype="<f4").reshape(2, 3)
    single = {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}
    found = Tensors(written(tmp_path, {"a": SOUND, "b": single}, rows.tobytes()))
    np.testing.assert_array_equal(found["a"], rows)
    assert found["b"].shape == ()


@pytest.mark.parametrize(
    "facts",
    [
        None, 3, [], {}, {"dtype": "F32"},
        {**SOUND, "dtype": "F8"}, {**SOUND, "dtype": ["F32"]}, {**SOUND, "dtype": None},
        {**SOUND, "shape": 6}, {**SOUND, "shape": [2.0, 3]}, {**SOUND, "shape": ["2", 3]},
        {**SOUND, "shape": [-2, -3]}, {**SOUND, "shape": [2, 4]},
        {**SOUND, "shape": [2**40, 2**40]},
        {**SOUND, "data_offsets": 3}, {**SOUND, "data_offsets": [0]},
        {**SOUND, "data_offsets": [0, "24"]}, {**SOUND, "data_offsets": [0, [24]]},
        {**SOUND, "data_offsets": [24, 0]}, {**SOUND, "data_offsets": [-24, 0]},
        {**SOUND, "data_offsets": [1, 25]}, {**SOUND, "data_offsets": [0, 24, 24]},
    ],
)  # fmt: skip
def test_a_false_array_is_an_error_of_its_value(tmp_path: Path, facts: Any) -> None:
    found = Tensors(written(tmp_path, {"a": facts}))
    with pytest.raises(ValueError, match="array a is damaged"):
        found["a"]


@pytest.mark.parametrize("header", [None, 3, "a", [], [SOUND]])
def test_a_header_is_an_object(tmp_path: Path, header: Any) -> None:
    with pytest.raises(ValueError, match=r"a\.safetensors"):
        Tensors(written(tmp_path, header))
