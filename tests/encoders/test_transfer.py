"""A model goes from a machine with torch to one without: whole, proved there, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from support import models

from retrieval.commands import pixtrieve
from retrieval.encoders import engines, identify, open_encoder
from retrieval.encoders.compiled.exports import VERSION, folder_of, read_export
from retrieval.encoders.models import fingerprint as fingerprints
from retrieval.encoders.models import registry
from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import parse
from retrieval.encoders.probes import HARD_TEXTS, probe_pixels
from retrieval.encoders.transfer import import_model, pack_model
from retrieval.errors import MissingExtra, ModelError, ModelNotFound
from retrieval.whole_file import read_record, write_record

pytestmark = pytest.mark.slow

IDENTITY = "pixtrieve-model.json"


@pytest.fixture(autouse=True)
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_has_card", lambda: False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local-dir:{models.save('oblong', tmp_path_factory.mktemp('models') / 'oblong')}"


@pytest.fixture(scope="module")
def made_once(model: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A packed model, and what it makes of the probes where it was made."""
    folder = tmp_path_factory.mktemp("packed") / "model"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        done = CliRunner().invoke(pixtrieve, ["models", "pack", model, str(folder)])
        assert f"pixtrieve models import {folder}" in done.output, done.exception
        encoder = open_encoder(model, device="cpu:f32")
        vectors = encoder.encode_images(probe_pixels((64, 96))), encoder.encode_texts(HARD_TEXTS)
    return folder, vectors


@pytest.fixture
def packed(made_once: tuple[Path, Any], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once[0], tmp_path / "packed"))


@pytest.fixture
def elsewhere(model: str, without_open_clip: None, tmp_path: Path) -> Any:
    """A machine with the base install, on which the weights are not."""
    path = model.removeprefix("local-dir:")
    os.rename(path, path + "-away")
    yield
    os.rename(path + "-away", path)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what the folder says of itself."""
    facts = json.loads((folder / IDENTITY).read_text())
    change(facts)
    (folder / IDENTITY).write_text(json.dumps(facts))


def replace(folder: Path, name: str, content: bytes) -> None:
    """Change a file, and what the folder says of it."""
    (folder / name).write_bytes(content)
    entry = [len(content), hashlib.sha256(content).hexdigest()]
    rewrite(folder, lambda facts: facts["files"].update({name: entry}))


def assert_nothing_was_left() -> None:
    parent = Path(folder_of("x")).parent
    assert not parent.exists() or os.listdir(parent) == []
    assert registry.found_on_disk() == ()


def test_a_machine_without_torch_and_weights_encodes_alike(
    model: str, packed: Path, made_once: tuple[Path, Any], elsewhere: None
) -> None:
    with pytest.raises(ModelNotFound):
        identify(model)
    done = CliRunner().invoke(pixtrieve, ["models", "import", str(packed)])
    assert f"--model {model}" in done.output, done.exception
    shutil.rmtree(packed)
    encoder = open_encoder(model, device="cpu:f32")
    assert encoder.spec.fingerprint == identify(model).fingerprint
    pictures, texts = made_once[1]
    np.testing.assert_allclose(encoder.encode_images(probe_pixels((64, 96))), pictures, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_texts(HARD_TEXTS), texts, atol=1e-6)
    assert registry.found_on_disk() == (model,)
    assert registry.on_disk(parse(model))
    assert f"Also on disk: {model}" in CliRunner().invoke(pixtrieve, ["models"]).output
    assert open_encoder(model, device="auto").spec == encoder.spec
    with pytest.raises(ModelError, match="without its weights") as caught:
        open_encoder(model, device="torch")
    assert "pixtrieve models fetch" in caught.value.hint


def test_with_the_weights_it_is_the_same_model(model: str, packed: Path) -> None:
    before = identify(model)
    import_model(str(packed))
    assert identify(model) == before
    assert read_export(before.fingerprint) is not None


def test_a_published_model_is_found_by_its_name_and_its_presets(
    packed: Path, elsewhere: None
) -> None:
    preset = PRESETS["default"].reference
    rewrite(packed, lambda facts: facts.update(reference=preset))
    import_model(str(packed))
    assert identify("default").reference == preset
    architecture, _, weights = preset.partition("/")
    assert open_encoder(f"{architecture}/{weights.upper()}").spec.name == preset
    with pytest.raises(MissingExtra, match=f"the model {PRESETS['best'].reference}"):
        open_encoder("best")


def test_a_model_trained_with_quick_gelu_is_found_by_the_plain_name(
    packed: Path, elsewhere: None
) -> None:
    rewrite(packed, lambda facts: facts.update(reference="ViT-B-32-quickgelu/openai"))
    import_model(str(packed))
    assert registry.on_disk(parse("ViT-B-32/openai"))


def test_a_tokenizer_of_its_own_comes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    folder = models.save("siglip2", tmp_path / "siglip2")
    model = f"local-dir:{folder}"
    pack_model(registry.require_files(model), str(tmp_path / "packed"))
    expected = open_encoder(model, device="cpu:f32").encode_texts(HARD_TEXTS)
    assert (tmp_path / "packed" / "tokenizer" / "tokenizer.json").exists()
    shutil.rmtree(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    import_model(str(tmp_path / "packed"))
    found = open_encoder(model, device="cpu:f32").encode_texts(HARD_TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_folder_that_is_no_packed_model(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere", checkpoint := tmp_path / "checkpoint"):
        with pytest.raises(ModelNotFound, match="holds no packed model") as caught:
            import_model(str(folder))
        assert "pixtrieve models pack NAME FOLDER" in caught.value.hint
    assert not checkpoint.exists()


@pytest.mark.parametrize("name", ["image.bin", "text.xml", "probes.npz", "export.json"])
def test_half_a_folder(packed: Path, name: str, elsewhere: None) -> None:
    (packed / name).unlink()
    with pytest.raises(ModelError, match=f"lacks {name}"):
        import_model(str(packed))
    assert_nothing_was_left()


@pytest.mark.parametrize("name", ["image.bin", "image.xml", "text.bin", "words.json", "probes.npz"])
def test_a_damaged_file(packed: Path, name: str, elsewhere: None) -> None:
    whole = (packed / name).read_bytes()
    for content in (whole[:-1], whole[:99] + bytes([whole[99] ^ 1]) + whole[100:]):
        (packed / name).write_bytes(content)
        with pytest.raises(ModelError, match=f"{name} is damaged"):
            import_model(str(packed))
    assert_nothing_was_left()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}', "\xff"])
def test_a_damaged_identity(packed: Path, content: str) -> None:
    (packed / IDENTITY).write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelError, match="damaged"):
        import_model(str(packed))


def test_of_another_version(packed: Path) -> None:
    rewrite(packed, lambda facts: facts.update(format=2))
    with pytest.raises(ModelError, match="packed by a newer Pixtrieve") as newer:
        import_model(str(packed))
    assert "upgrade" in newer.value.hint
    rewrite(packed, lambda facts: facts.update(format=1, export=VERSION - 1))
    with pytest.raises(ModelError, match="packed by an older Pixtrieve") as older:
        import_model(str(packed))
    assert "pack it again" in older.value.hint


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/passwd", "tokenizer/../../evil", "code.py", "tokenizer/x.py"]
)
def test_files_of_other_names_are_refused(packed: Path, name: str, elsewhere: None) -> None:
    rewrite(packed, lambda facts: facts["files"].update({name: [0, ""]}))
    with pytest.raises(ModelError, match=r"names|lacks"):
        import_model(str(packed))
    assert_nothing_was_left()


def test_a_fingerprint_that_is_not_its_own(packed: Path) -> None:
    rewrite(packed, lambda facts: facts["parts"].update(weights="0" * 64))
    with pytest.raises(ModelError, match="another model's"):
        import_model(str(packed))


def test_another_tokenizer(packed: Path, elsewhere: None) -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["parts"]["tokenizer"] = {"open_clip": "0" * 64}
        facts["fingerprint"] = fingerprints.fingerprint_of(facts["parts"])

    rewrite(packed, change)
    with pytest.raises(ModelError, match="another tokenizer"):
        import_model(str(packed))
    assert_nothing_was_left()


def replace_with_record(packed: Path, name: str, content: bytes) -> None:
    """Replace a file as somebody would who also mends what the export's record says of it."""
    replace(packed, name, content)
    path = packed / "export.json"
    facts = read_record(str(path))
    assert facts is not None
    assert name in facts["digests"]
    facts["digests"][name] = hashlib.sha256(content).hexdigest()
    write_record(str(path), facts)
    replace(packed, "export.json", path.read_bytes())


def test_graphs_that_give_other_vectors_are_refused(packed: Path, elsewhere: None) -> None:
    weights = np.fromfile(packed / "text.bin", np.uint8)
    half = len(weights) // 2
    weights[: half * 2] = np.roll(weights[: half * 2], half)
    replace_with_record(packed, "text.bin", weights.tobytes())
    with pytest.raises(ModelError, match="cannot be used here"):
        import_model(str(packed))
    assert_nothing_was_left()


@pytest.mark.parametrize(
    ("name", "content"),
    [("image.xml", b"<net"), ("words.json", b"{}"), ("probes.npz", b"PK"), ("text.bin", b"")],
)
def test_files_that_are_no_graphs_are_refused(
    packed: Path, name: str, content: bytes, elsewhere: None
) -> None:
    replace_with_record(packed, name, content)
    with pytest.raises(ModelError, match="cannot be used here"):
        import_model(str(packed))
    assert_nothing_was_left()


def test_a_cache_that_cannot_be_written(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="could not be imported") as caught:
        import_model(str(packed))
    assert str(tmp_path) in caught.value.hint


def test_an_imported_model_that_is_damaged_later_says_so(
    model: str, packed: Path, elsewhere: None
) -> None:
    import_model(str(packed))
    os.truncate(os.path.join(folder_of(identify(model).fingerprint), "image.bin"), 3)
    with pytest.raises(ModelError, match=r"imported model .* is damaged") as caught:
        open_encoder(model)
    assert "pixtrieve models import FOLDER" in caught.value.hint


def test_what_cannot_be_packed(model: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="comes with Pixtrieve"):
        pack_model(registry.require_files("pocket"), str(tmp_path / "packed"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(ModelError, match="is not empty"):
        pack_model(registry.require_files(model), str(tmp_path / "full"))
    assert not (tmp_path / "packed").exists()
