"""Exporting for OpenVINO: once, whole or not at all, refused when it would differ."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from support import models

import retrieval.encoders.compiled.openvino
from retrieval.encoders import engines, identify, open_encoder
from retrieval.encoders.compiled import exports, proofs
from retrieval.encoders.compiled.exports import Export, folder_of, read_export, read_refusal
from retrieval.encoders.compiled.graphs import FolderGraphs
from retrieval.encoders.compiled.openvino import OpenVinoEncoder, choose_precision
from retrieval.encoders.compiled.proofs import native_precisions
from retrieval.encoders.export import exporting
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import probe_pixels
from retrieval.errors import ModelError
from retrieval.specs import Preprocessing

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local-dir:{models.save('oblong', tmp_path_factory.mktemp('models') / 'oblong')}"


@pytest.fixture(scope="module")
def export_made_once(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which the model is exported: exporting takes seconds."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(cache))
        open_encoder(model, device="cpu")
    return cache


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_has_card", lambda: False)


@pytest.fixture
def exported(export_made_once: Path, tmp_path: Path, no_card: None) -> None:
    """The test's own cache holds the export."""
    shutil.copytree(export_made_once, tmp_path / "cache", dirs_exist_ok=True)


def test_auto_is_openvino_where_there_is_no_card(model: str, exported: None) -> None:
    encoder = open_encoder(model)
    assert isinstance(encoder, OpenVinoEncoder)
    export = read_export(identify(model).fingerprint)
    assert export is not None
    assert export.cleaning == "lower"
    assert export.least_cosine["f32"] > 0.99999
    assert set(export.least_cosine) == set(native_precisions())


def test_auto_is_torch_where_there_is_a_card(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_has_card", lambda: True)
    assert isinstance(open_encoder(model), OpenClipEncoder)


def test_it_is_exported_once(model: str, exported: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("exported again")

    monkeypatch.setattr(exporting, "export", never)
    assert open_encoder(model).encode_texts(["a dog"]).shape == (1, 32)


def test_a_damaged_export_is_noticed_and_made_again(model: str, exported: None) -> None:
    expected = open_encoder(model).encode_texts(["a dog"])
    fingerprint = identify(model).fingerprint
    for name in ("image.bin", "text.xml", "words.json", "export.json"):
        path = Path(folder_of(fingerprint)) / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert read_export(fingerprint) is None
        path.write_bytes(whole)
    os.remove(path)
    np.testing.assert_array_equal(open_encoder(model).encode_texts(["a dog"]), expected)


def test_a_model_that_would_differ_runs_on_torch_and_is_not_tried_again(
    model: str,
    no_card: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(proofs, "least_cosines", lambda *_: {"f32": 0.98})
    assert isinstance(open_encoder(model), OpenClipEncoder)
    assert f"{model} runs on torch" in caplog.text
    assert "cosine 0.98" in caplog.text
    fingerprint = identify(model).fingerprint

    assert "0.98" in read_refusal(fingerprint, version("openvino"))
    assert read_refusal(fingerprint, "another version") == ""
    monkeypatch.setattr(exporting, "export", None)
    assert isinstance(open_encoder(model), OpenClipEncoder)


def test_a_model_that_openvino_cannot_convert_runs_on_torch(
    model: str, no_card: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such operation\nmany details")

    monkeypatch.setattr(exporting, "text_tower", fail)
    assert isinstance(open_encoder(model), OpenClipEncoder)
    assert f"{model} runs on torch" in caplog.text
    assert "no such operation" in caplog.text
    assert "many details" not in caplog.text


def test_a_model_that_no_cache_gives_back_runs_on_torch(
    model: str, no_card: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cosines = iter([1.0, 0.5, 1.0, 0.0])
    monkeypatch.setattr(proofs, "_cosine_through_cache", lambda *_: next(cosines))
    assert isinstance(open_encoder(model), OpenClipEncoder)
    assert f"{model} runs on torch" in caplog.text
    assert "cache" in caplog.text
    assert "cosines 1.00000, 0.50000, 1.00" in caplog.text
    assert not list(Path(folder_of(identify(model).fingerprint)).glob("*.xml"))


def test_a_model_that_comes_back_wrong_without_weights_is_kept_with_them(
    model: str, no_card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cosines = iter([1.0, 0.5, 1.0, 1.0])
    monkeypatch.setattr(proofs, "_cosine_through_cache", lambda *_: next(cosines))
    assert isinstance(open_encoder(model), OpenVinoEncoder)
    export = read_export(identify(model).fingerprint)
    assert export is not None
    assert export.cache_mode == "OPTIMIZE_SPEED"


def test_a_request_that_failed_does_not_block_the_next(model: str, exported: None) -> None:
    encoder = open_encoder(model, device="cpu:f32")
    assert isinstance(encoder, OpenVinoEncoder)
    height, width = encoder.spec.preprocessing.size
    wrong = np.zeros((40, height + 1, width, 3), np.uint8)
    right = np.concatenate([probe_pixels((height, width))] * 8)
    expected = encoder.encode_images(right)
    with pytest.raises(RuntimeError):
        encoder._pictures.run(wrong, "THROUGHPUT")
    np.testing.assert_array_equal(encoder.encode_images(right), expected)


def test_a_cache_that_cannot_be_written_costs_only_time(
    model: str,
    no_card: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert isinstance(open_encoder(model), OpenClipEncoder)
    assert "could not be written" in caplog.text


def test_without_openvino_torch_is_used(
    model: str, no_card: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert isinstance(open_encoder(model), OpenClipEncoder)
    assert "OpenVINO is not installed" in caplog.text


def test_an_openvino_that_does_not_load_is_none(
    model: str, no_card: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ImportError("libopenvino.so: cannot open shared object file")

    monkeypatch.setattr(engines, "load_openvino", broken)
    assert isinstance(open_encoder(model), OpenClipEncoder)
    assert "OpenVINO cannot be loaded" in caplog.text
    assert "libopenvino.so" in caplog.text


def test_only_precisions_that_stay_equal_are_raced(monkeypatch: pytest.MonkeyPatch) -> None:
    native = native_precisions()
    preprocessing = Preprocessing((8, 8), "squash", "bicubic", (0, 0, 0), (1, 1, 1))
    raced: list[list[str]] = []

    def record(candidates: list[str], *_: object) -> str:
        raced.append(candidates)
        return candidates[0]

    monkeypatch.setattr(retrieval.encoders.compiled.openvino, "fastest", record)

    def choose(cosine: float) -> str:
        cosines = {**dict.fromkeys(native, cosine), "f32": 1}
        export = Export(8, preprocessing, "", 77, "lower", True, "", cosines)
        return choose_precision(FolderGraphs("folder", export))

    assert choose(0.99995) == native[0]
    assert choose(0.9998) == "f32"
    assert raced == [list(native), ["f32"]]


def test_an_unknown_device_is_refused(model: str) -> None:
    with pytest.raises(ModelError, match="no device tpu"):
        open_encoder(model, device="tpu")


def test_a_model_with_a_tokenizer_of_its_own_keeps_it(model: str, exported: None) -> None:
    expected = open_encoder(model).encode_texts(["a dog"])
    path = os.path.join(folder_of(identify(model).fingerprint), "export.json")
    with open(path) as file:
        facts = json.load(file)
    with open(path, "w") as file:
        json.dump({**facts, "cleaning": ""}, file)
    np.testing.assert_array_equal(open_encoder(model).encode_texts(["a dog"]), expected)


def test_the_weights_are_stored_once(model: str, exported: None) -> None:
    open_encoder(model).encode_texts(["a dog"] * 100)
    folder = Path(folder_of(identify(model).fingerprint))
    compiled = sum(path.stat().st_size for path in (folder / "compiled").rglob("*.*"))
    assert 0 < compiled < (folder / "text.bin").stat().st_size / 10


def test_branches_for_training_are_folded_in_the_export_and_nowhere_else(tmp_path: Path) -> None:
    import torch

    folder = models.save("mobileclip", tmp_path / "model")
    encoder = open_encoder(f"local-dir:{folder}", device="torch")
    assert isinstance(encoder, OpenClipEncoder)

    def convolutions(model: torch.nn.Module) -> int:
        return sum(isinstance(part, torch.nn.Conv2d) for part in model.modules())

    pixels = probe_pixels((128, 128))
    before, expected = convolutions(encoder.model), encoder.encode_images(pixels)
    folded = exporting._folded(encoder.model)
    assert convolutions(folded) < before == convolutions(encoder.model)
    assert folded.text is encoder.model.text
    np.testing.assert_array_equal(encoder.encode_images(pixels), expected)
    encoder.model = folded
    np.testing.assert_allclose(encoder.encode_images(pixels), expected, atol=1e-5)


def test_an_interrupted_export_leaves_nothing(
    model: str, no_card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exports, "digests", stop)
    with pytest.raises(KeyboardInterrupt):
        open_encoder(model)
    parent = os.path.dirname(folder_of(identify(model).fingerprint))
    assert os.listdir(parent) == []


def test_after_the_first_use_a_question_needs_neither_torch_nor_open_clip(
    model: str, exported: None
) -> None:
    code = (
        "import sys\n"
        "from retrieval.encoders import engines, open_encoder\n"
        "engines._has_card = lambda: False\n"
        f"encoder = open_encoder({model!r})\n"
        "assert encoder.encode_texts(['two dogs']).shape == (1, 32)\n"
        "print([m for m in ('torch', 'open_clip', 'timm', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "[]\n")


def test_a_precision_does_not_get_what_another_compiled(model: str, no_card: None) -> None:
    pixels = np.random.default_rng(1).integers(
        0, 256, (4, *open_encoder(model).spec.preprocessing.size, 3), np.uint8
    )
    reference = open_encoder(model, device="torch").encode_images(pixels)
    for precision in (*native_precisions(), "f32"):  # the exact one last
        found = open_encoder(model, device=f"cpu:{precision}").encode_images(pixels)
    assert np.abs(found - reference).max() < 1e-4
