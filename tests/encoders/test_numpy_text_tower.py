"""The text tower in numpy: open_clip's vectors, for as many texts as are not worth a compiler."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support import models

from retrieval.encoders import Preparing, engines, identify, open_encoder
from retrieval.encoders.compiled.exports import folder_of, read_export
from retrieval.encoders.compiled.openvino import _WORTH_COMPILING, OpenVinoEncoder
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.export.align_weights import align_weights
from retrieval.encoders.probes import HARD_TEXTS
from retrieval.encoders.texts.numpy_text_tower import (
    ACTIVATIONS,
    NumpyTextTower,
    TextTowerShape,
    by_length,
    open_numpy_text_tower,
)


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 100))
def test_groups_by_length_hold_each_text_once_and_lose_nothing(ends: list[int], most: int) -> None:
    tokens = np.zeros((len(ends), 41), np.int64)
    for row, end in zip(tokens, ends, strict=True):
        row[:end] = np.arange(1, end + 1)
        row[end] = 99
    seen: list[int] = []
    for places, cut in by_length(tokens, most):
        assert len(places) == 1 or cut.size <= most
        assert (cut == tokens[places, : cut.shape[1]]).all()
        assert not tokens[places, cut.shape[1] :].any()
        assert (cut[:, -1] == 99).any()
        seen += places.tolist()
    assert sorted(seen) == list(range(len(ends)))


@given(arrays.arrays(np.float32, 20, elements=st.floats(-50, 50, width=32)))
def test_gelu_is_that_of_the_error_function(x: Any) -> None:
    exact = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x.tolist()]
    np.testing.assert_allclose(ACTIVATIONS["gelu"](x), exact, rtol=1e-5, atol=2e-6)


@given(arrays.arrays(np.float32, 20, elements=st.floats(-200, 200, width=32)))
def test_quick_gelu_is_that_of_the_logistic_function(x: Any) -> None:
    exact = [v / (1 + math.exp(-1.702 * v)) for v in x.tolist()]
    np.testing.assert_allclose(ACTIVATIONS["quick_gelu"](x), exact, rtol=1e-5, atol=1e-6)


def test_a_tower_without_layers_reads_the_end_of_a_text() -> None:
    table = np.eye(4, dtype=np.float16)
    plain: dict[str, Any] = {
        "token_embedding.weight": table,
        "positional_embedding": np.zeros((3, 4), np.float32),
        "ln_final.weight": np.ones(4, np.float32),
        "ln_final.bias": np.zeros(4, np.float32),
        "text_projection": np.eye(4, dtype=np.float32)[:, :2],
    }
    tower = NumpyTextTower(TextTowerShape(0, 1, "gelu", 0.0), plain)
    rows = tower.run(np.array([[1, 3, 0], [1, 2, 3], [2, 1, 0]]))
    # One of four is 1: less the mean 1/4, over the deviation √3/4, is √3, and -1/√3 three times.
    low, high = -(3**-0.5), 3**0.5
    np.testing.assert_allclose(rows, [[low, low], [low, low], [low, low]], rtol=1e-6)
    tower = NumpyTextTower(tower._shape, {**plain, "text_projection": np.eye(4, dtype=np.float32)})
    np.testing.assert_allclose(tower.run(np.array([[1, 2, 0]])), [[low, low, high, low]], rtol=1e-6)


def test_an_export_without_one_has_none(tmp_path: Path) -> None:
    assert open_numpy_text_tower(str(tmp_path)) is None


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(autouse=True)
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_has_card", lambda: False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clip", "resnet", "oblong", "pe"])
def test_few_texts_and_many_are_those_of_open_clip(kind: str, saved: Path) -> None:
    model = f"local-dir:{models.save(kind, saved / kind)}"
    texts = [*HARD_TEXTS, *(f"number {n} " * (n % 9 + 1) for n in range(_WORTH_COMPILING))]
    expected = open_encoder(model, device="torch").encode_texts(texts)
    encoder = open_encoder(model, device="cpu:f32")
    assert isinstance(encoder, OpenVinoEncoder)
    few = len(HARD_TEXTS)
    assert few <= _WORTH_COMPILING < len(texts)
    np.testing.assert_allclose(encoder.encode_texts(HARD_TEXTS), expected[:few], atol=2e-6)
    assert "_texts" not in vars(encoder)
    np.testing.assert_allclose(encoder.encode_texts(texts), expected, atol=2e-6)
    assert "_texts" in vars(encoder)
    np.testing.assert_allclose(encoder.encode_texts(texts[:1]), expected[:1], atol=2e-6)


@pytest.mark.slow
def test_a_tower_that_reads_both_ways_has_none(saved: Path) -> None:
    model = f"local-dir:{models.save('siglip', saved / 'siglip')}"
    encoder = open_encoder(model, device="cpu:f32")
    export = read_export(identify(model).fingerprint)
    assert export is not None
    assert not export.cut
    assert open_numpy_text_tower(folder_of(identify(model).fingerprint)) is None
    expected = open_encoder(model, device="torch").encode_texts(HARD_TEXTS)
    np.testing.assert_allclose(encoder.encode_texts(HARD_TEXTS), expected, atol=2e-6)


@pytest.mark.slow
def test_a_question_after_the_first_needs_neither_torch_nor_openvino(tmp_path: Path) -> None:
    model = f"local-dir:{models.save('oblong', tmp_path / 'oblong')}"
    open_encoder(model, device="cpu")
    code = (
        "import sys\n"
        "from retrieval.encoders import engines, open_encoder\n"
        "engines._has_card = lambda: False\n"
        f"encoder = open_encoder({model!r})\n"
        "assert encoder.encode_texts(['a dog']).shape == (1, 32)\n"
        "print(sorted({'torch', 'open_clip', 'openvino', 'timm'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.slow
def test_towers_of_other_blocks_are_left_to_openvino() -> None:
    import open_clip
    import torch
    from torch import nn

    from retrieval.encoders.export.causal import causal_tower, text_tower_arrays

    config = models.CONFIGS["resnet"]["model_cfg"]
    vision = open_clip.CLIPVisionCfg(**config["vision_cfg"])

    def built(**text: Any) -> Any:
        return open_clip.CLIP(64, vision, open_clip.CLIPTextCfg(**models.SMALL_TEXT, **text)).eval()

    assert text_tower_arrays(built()) is not None
    assert text_tower_arrays(built(act_kwargs={"approximate": "tanh"})) is None
    scaled = built(ls_init_value=0.1)
    assert text_tower_arrays(scaled) is None
    tokens = torch.tensor([[1, 5, 49407, 0, 0], [1, 2, 3, 4, 49407]])
    whole = nn.functional.pad(tokens, (0, models.SMALL_TEXT["context_length"] - 5))
    causal = causal_tower(scaled)
    assert causal is not None
    with torch.inference_mode():
        torch.testing.assert_close(causal(tokens), scaled.encode_text(whole), atol=1e-5, rtol=1e-4)
    assert causal_tower(built(no_causal_mask=True)) is None
    more = copy.deepcopy(built())
    more.transformer.resblocks[0].extra = nn.Linear(2, 2)
    assert text_tower_arrays(more) is None
    assert causal_tower(SimpleNamespace(encode_text=None)) is None


@pytest.mark.slow
def test_constants_are_moved_to_where_they_can_be_mapped(tmp_path: Path) -> None:
    ov = load_openvino()
    from openvino import opset13 as op

    rng = np.random.default_rng(0)
    odd = op.constant(rng.integers(0, 9, 3).astype(np.int8))
    weight = rng.normal(size=(5, 3)).astype(np.float32)
    halves = rng.normal(size=(5, 3)).astype(np.float16)
    given = op.parameter([-1, 3], np.float32)
    sum_ = op.add(op.matmul(given, op.constant(weight), False, True), op.convert(
        op.matmul(given, op.convert(op.constant(halves), "f32"), False, True), "f32"))  # fmt: skip
    model = ov.Model([op.add(sum_, op.convert(op.reduce_sum(odd, op.constant(0)), "f32"))], [given])
    stem = str(tmp_path / "text")
    ov.save_model(model, stem + ".xml", compress_to_fp16=False)
    x = rng.normal(size=(2, 3)).astype(np.float32)
    before = ov.Core().compile_model(stem + ".xml", "CPU")(x)[0]
    lost = np.ones((2, 2), np.float32)  # OpenVINO leaves out what changes nothing
    wanted = {"w": weight, "h": halves.astype(np.float32), "again": weight, "ones": lost}
    places = align_weights(stem, wanted)
    assert places["w"] == places["again"]
    assert (places["h"].dtype, places["ones"].dtype) == ("float16", "float16")
    content = Path(stem + ".bin").read_bytes()
    for name, array in wanted.items():
        place = places[name]
        assert place.offset % 64 == 0
        found = np.frombuffer(content, place.dtype, array.size, place.offset)
        np.testing.assert_array_equal(found.reshape(place.shape).astype(np.float32), array)
    np.testing.assert_array_equal(ov.Core().compile_model(stem + ".xml", "CPU")(x)[0], before)


@pytest.mark.slow
def test_one_that_is_prepared_for_many_questions_has_openvino_ready(saved: Path) -> None:
    model = f"local-dir:{models.save('oblong', saved / 'prepared')}"
    encoder = open_encoder(model, device="cpu:f32")
    assert isinstance(encoder, Preparing)
    expected = encoder.encode_texts(["a dog"])
    encoder.prepare_texts()
    assert vars(encoder)["_texts"].is_compiled_for("LATENCY")
    assert vars(encoder)["_numpy_tower"] is None
    np.testing.assert_allclose(encoder.encode_texts(["a dog"]), expected, atol=2e-6)
