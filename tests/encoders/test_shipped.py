"""Graphs that ship beside the weights: open_clip's vectors, without torch, for no other weights."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import models

from retrieval.encoders import engines, identify, open_encoder
from retrieval.encoders.compiled import openvino, packs, proofs
from retrieval.encoders.compiled.exports import folder_of, read_export
from retrieval.encoders.compiled.graphs import FolderGraphs
from retrieval.encoders.compiled.openvino import OpenVinoEncoder, choose_precision
from retrieval.encoders.compiled.packs import PackedGraphs, read_pack
from retrieval.encoders.models.references import built_in_folder
from retrieval.encoders.models.tables import bpe_vocabulary
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import HARD_TEXTS, probe_pixels
from retrieval.encoders.tensors import Tensors
from retrieval.errors import MissingExtra, ModelError
from retrieval.pocket.pack import main

pytestmark = pytest.mark.slow

MANY = [f"number {number}" for number in range(20)]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model as the built-in one is built: half floats, but for what has one dimension."""
    from safetensors.torch import load_file, save_file

    folder = models.save("lite", tmp_path_factory.mktemp("models") / "lite")
    weights = folder / "open_clip_model.safetensors"
    state = load_file(weights)
    wide = {n: v.half() if v.is_floating_point() and v.dim() > 1 else v for n, v in state.items()}
    save_file(wide, weights)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        main([str(folder)])
    return folder


@pytest.fixture(autouse=True)
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_has_card", lambda: False)


@pytest.fixture
def never_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_export_now", None)


@pytest.fixture
def copy(packed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed, tmp_path / "copy"))


def graphs_of(folder: Path) -> PackedGraphs | None:
    weights = folder / "open_clip_model.safetensors"
    return read_pack(str(weights), identify(f"local-dir:{folder}").fingerprint)


def assert_open_clips(model: str) -> None:
    """Compare both towers, and the numpy one, with open_clip: vectors, and those less their mean.

    Vectors of random weights all look nearly alike, so their cosine alone proves little.
    """
    theirs = open_encoder(model, device="torch")
    assert isinstance(theirs, OpenClipEncoder)
    pixels = probe_pixels(theirs.spec.preprocessing.size)
    ours = open_encoder(model, device="cpu:f32")
    assert isinstance(ours, OpenVinoEncoder)
    assert isinstance(ours.graphs, PackedGraphs)
    assert ours.spec == theirs.spec
    few = ours.encode_texts(HARD_TEXTS)
    assert "_texts" not in vars(ours), "read by numpy"
    pairs = [
        (few, theirs.encode_texts(HARD_TEXTS)),
        (ours.encode_texts(MANY), theirs.encode_texts(MANY)),
        (ours.encode_images(pixels), theirs.encode_images(pixels)),
    ]
    assert "_texts" in vars(ours)
    for found, wanted in pairs:
        assert proofs.least_cosine(found, wanted) >= proofs.LEAST_COSINE
        middle = wanted.mean(axis=0)
        lengths = np.linalg.norm(found - middle, axis=1) * np.linalg.norm(wanted - middle, axis=1)
        assert (((found - middle) * (wanted - middle)).sum(axis=1) / lengths).min() >= 0.999


def test_the_built_in_model_is_open_clips(never_exported: None) -> None:
    assert_open_clips("pocket")


def test_so_is_one_that_is_built_as_it_is(packed: Path, never_exported: None) -> None:
    assert_open_clips(f"local-dir:{packed}")


def test_the_built_in_models_weights_are_there_once() -> None:
    folder = built_in_folder()
    weights = (folder / "open_clip_model.safetensors").stat().st_size
    beside = sum(path.stat().st_size for path in (folder / packs.FOLDER).iterdir())
    assert beside < weights / 20
    assert (folder / packs.FOLDER / packs.CONSTANTS).stat().st_size < 100_000


def test_a_first_use_needs_no_torch_and_a_question_not_even_openvino(
    packed: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "names = ('torch', 'open_clip', 'timm', 'huggingface_hub', 'transformers', 'regex')\n"
        "sys.modules.update(dict.fromkeys(names))\n"
        "import numpy as np\n"
        "from retrieval.encoders import open_encoder\n"
        "encoder = open_encoder('pocket')\n"
        "assert encoder.encode_texts(['two dogs']).shape == (1, encoder.spec.dim)\n"
        "assert 'openvino' not in sys.modules\n"
        "size = encoder.spec.preprocessing.size\n"
        "rows = encoder.encode_images(np.zeros((2, *size, 3), np.uint8))\n"
        "assert encoder.encode_texts(['a dog'] * 40).shape[0] == 40\n"
        "print(rows.shape[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "2\n")


def test_a_cache_that_cannot_be_written_is_done_without(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, never_exported: None
) -> None:
    model = f"local-dir:{packed}"
    pixels = probe_pixels((64, 64))
    kept = open_encoder(model, device="cpu:f32")
    expected = kept.encode_images(pixels), kept.encode_texts(MANY)
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    encoder = open_encoder(model, device="cpu:f32")
    np.testing.assert_allclose(encoder.encode_images(pixels), expected[0], atol=1e-6)
    np.testing.assert_allclose(encoder.encode_texts(MANY), expected[1], atol=1e-6)


def test_assembled_models_are_kept_and_replaced_when_rebuilt(copy: Path) -> None:
    place = Path(folder_of(identify(f"local-dir:{copy}").fingerprint))

    def used() -> tuple[str, int]:
        graphs = graphs_of(copy)
        assert graphs is not None
        file = graphs.placement("image", "f32").file
        return file, os.stat(file).st_mtime_ns

    first = used()
    assert used() == first
    os.truncate(first[0].replace(".xml", ".bin"), 10)
    again = used()
    assert again[0] == first[0]
    assert again[1] > first[1]
    manifest = copy / packs.FOLDER / packs.MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()), indent=2))
    assert used()[0] != first[0]
    assert [name for name in os.listdir(place) if name.startswith("shipped-")] == [
        Path(used()[0]).parent.name
    ]


def test_the_same_checkpoint_gives_the_same_files(packed: Path, copy: Path) -> None:
    main([str(copy)])
    for path in (packed / packs.FOLDER).iterdir():
        assert (copy / packs.FOLDER / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("name", [*packs.FILES, packs.MANIFEST])
def test_graphs_that_are_damaged_are_not_used(copy: Path, name: str) -> None:
    path = copy / packs.FOLDER / name
    whole = path.read_bytes()
    assert graphs_of(copy) is not None
    for content in (whole[:-1], whole[:20] + b"x" + whole[21:], b""):
        path.write_bytes(content)
        assert graphs_of(copy) is None
    path.unlink()
    assert graphs_of(copy) is None


def change_a_weight(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = folder / "open_clip_model.safetensors"
    state = load_file(weights)
    state["text_projection"] = state["text_projection"].roll(1, 0)
    save_file(state, weights)


def test_graphs_of_other_weights_are_not_used_but_rebuilt(
    copy: Path, packed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change_a_weight(copy)
    model = f"local-dir:{copy}"
    with caplog.at_level(logging.INFO):
        found = open_encoder(model, device="cpu:f32")
    assert "Preparing local-dir:" in caplog.text
    assert isinstance(found, OpenVinoEncoder)
    assert isinstance(found.graphs, FolderGraphs)
    wanted = open_encoder(model, device="torch").encode_texts(MANY)
    np.testing.assert_allclose(found.encode_texts(MANY), wanted, atol=1e-5)
    before = open_encoder(f"local-dir:{packed}", device="cpu:f32").encode_texts(MANY)
    assert not np.allclose(before, wanted, atol=1e-2)


def test_the_proof_fails_where_graphs_and_weights_do_not_belong_together(
    copy: Path, never_exported: None
) -> None:
    manifest = copy / packs.FOLDER / packs.MANIFEST
    facts = json.loads(manifest.read_text())
    first, second = (f"transformer.resblocks.{number}.mlp.c_fc.weight" for number in (0, 1))
    pieces = facts["towers"]["text"]["pieces"]
    (place,) = (piece for piece in pieces if piece[2] == first)
    place[2] = second
    manifest.write_text(json.dumps(facts))
    with pytest.raises(AssertionError):
        assert_open_clips(f"local-dir:{copy}")


def test_without_open_clip_it_says_what_to_do(
    copy: Path, without_open_clip: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = f"local-dir:{copy}"
    assert isinstance(open_encoder(model), OpenVinoEncoder)
    with pytest.raises(MissingExtra, match="--device cuda needs the package open_clip") as caught:
        open_encoder(model, device="cuda")
    assert "pip install 'pixtrieve[models]'" in caught.value.hint
    shutil.rmtree(copy / packs.FOLDER)
    with pytest.raises(MissingExtra, match=r"the model local-dir:.* needs the package") as caught:
        open_encoder(model)
    assert "pixtrieve models import FOLDER" in caught.value.hint
    monkeypatch.setattr(engines, "read_pack", lambda *_: None)
    with pytest.raises(ModelError, match="built-in model is damaged") as damaged:
        open_encoder("pocket")
    assert "pip install 'pixtrieve[models]'" in damaged.value.hint


def test_an_idle_card_is_named_once(
    packed: Path,
    without_open_clip: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(engines, "_has_card", lambda: True)
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            assert isinstance(open_encoder(f"local-dir:{packed}"), OpenVinoEncoder)
    assert caplog.text.count("pip install 'pixtrieve[models]'") == 1
    assert "graphics card" in caplog.text


def test_a_precision_of_this_processor_is_proved_here(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = graphs_of(packed)
    assert graphs is not None
    asked: list[list[str]] = []

    def cosines(_probes: object, _towers: object, precisions: list[str]) -> dict[str, float]:
        asked.append(precisions)
        return {"bf16": 0.99995, "f16": 0.9998}

    monkeypatch.setattr(openvino, "native_precisions", lambda: ("bf16", "f16", "f32"))
    monkeypatch.setattr(openvino, "least_cosines", cosines)
    monkeypatch.setattr(openvino, "fastest", lambda candidates, *_: ",".join(candidates))
    for _ in range(2):
        assert choose_precision(graphs) == "bf16,f32"
    assert asked == [["bf16", "f16"]], "remembered"


def test_a_regular_export_keeps_what_open_clip_makes_of_the_probes(tmp_path: Path) -> None:
    model = f"local-dir:{models.save('oblong', tmp_path / 'oblong')}"
    open_encoder(model, device="cpu")
    export = read_export(identify(model).fingerprint)
    assert export is not None
    graphs = FolderGraphs(folder_of(identify(model).fingerprint), export)
    towers = {name: graphs.model(name) for name in ("image", "text")}
    assert proofs.least_cosines(graphs.probes(), towers, ["f32"])["f32"] > 0.99999


def test_the_vocabulary_is_open_clips_own() -> None:
    import open_clip

    theirs = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    assert Path(bpe_vocabulary()).read_bytes() == theirs.read_bytes()


def test_arrays_are_those_of_the_safetensors_library(packed: Path) -> None:
    from safetensors.numpy import load_file

    path = str(packed / "open_clip_model.safetensors")
    wanted, found = load_file(path), Tensors(path)
    assert set(wanted) == set(found)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_a_safetensors_file_that_is_cut_short_is_noticed(
    packed: Path, tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes((packed / "open_clip_model.safetensors").read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"short|truncated|damaged"):
        dict(Tensors(str(path)))
