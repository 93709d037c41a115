from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support.model_files import SMALL_CONFIG, settle

from retrieval.encoders import identify
from retrieval.encoders.models import fingerprint


def of(folder: Path) -> str:
    return identify(f"local-dir:{folder}").fingerprint


def test_a_fingerprint_is_of_the_contents_not_of_the_place(
    folder_model: Path, tmp_path: Path
) -> None:
    before = of(folder_model)
    assert len(before) == 64
    shutil.move(folder_model, tmp_path / "moved")
    assert of(tmp_path / "moved") == before


def test_weights_that_changed_under_the_same_name_are_noticed(folder_model: Path) -> None:
    before = of(folder_model)
    weights = folder_model / "open_clip_model.safetensors"
    weights.write_bytes(b"weightz")
    assert of(folder_model) != before


def test_even_with_the_same_size_and_time(folder_model: Path) -> None:
    weights = folder_model / "open_clip_model.safetensors"
    before = of(folder_model)
    weights.write_bytes(b"WEIGHTS")
    settle(weights)
    assert of(folder_model) != before


@pytest.mark.parametrize(
    ("section", "key", "value", "same"),
    [
        ("preprocess_cfg", "mean", [0.5, 0.5, 0.4], False),
        ("preprocess_cfg", "resize_mode", "shortest", False),
        ("preprocess_cfg", "mode", "RGB", True),
        ("model_cfg", "quick_gelu", True, False),
        ("vision_cfg", "patch_size", 8, False),
        ("vision_cfg", "timm_model_pretrained", True, True),
        ("text_cfg", "context_length", 12, False),
    ],
)
def test_what_changes_vectors_changes_the_fingerprint(
    folder_model: Path, section: str, key: str, value: object, same: bool
) -> None:
    before = of(folder_model)
    config = json.loads(json.dumps(SMALL_CONFIG))
    part = config[section] if section in config else config["model_cfg"][section]
    part[key] = value
    (folder_model / "open_clip_config.json").write_text(json.dumps(config))
    assert (of(folder_model) == before) is same


def test_the_tokenizers_files_count(folder_model: Path) -> None:
    config = json.loads(json.dumps(SMALL_CONFIG))
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "org/words"
    (folder_model / "open_clip_config.json").write_text(json.dumps(config))
    (folder_model / "tokenizer.json").write_text("{}")
    before = of(folder_model)
    (folder_model / "tokenizer.json").write_text("[]")
    assert of(folder_model) != before


@pytest.fixture
def old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "_SETTLED_NS", -(10**18))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were really read."""
    seen: list[str] = []
    real = fingerprint._hash

    def counting(path: str) -> str:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(fingerprint, "_hash", counting)
    return seen


@pytest.mark.usefixtures("old_enough")
def test_a_file_is_hashed_once(folder_model: Path, hashed: list[str]) -> None:
    first = of(folder_model)
    count = len(hashed)
    assert of(folder_model) == first
    assert len(hashed) == count


def test_a_file_that_was_just_written_is_hashed_again(
    folder_model: Path, hashed: list[str]
) -> None:
    of(folder_model)
    of(folder_model)
    assert len([path for path in hashed if path.endswith(".safetensors")]) == 2


@pytest.mark.usefixtures("old_enough")
@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff\xfe"])
def test_a_damaged_memory_is_ignored(folder_model: Path, damage: bytes) -> None:
    before = of(folder_model)
    Path(fingerprint.digest_cache()).write_bytes(damage)
    assert of(folder_model) == before


def test_a_wrong_digest_in_the_memory_is_ignored(
    folder_model: Path, hashed: list[str], old_enough: None
) -> None:
    before = of(folder_model)
    memory = Path(fingerprint.digest_cache())
    memory.write_text(json.dumps(dict.fromkeys(json.loads(memory.read_text()), "x" * 64)))
    assert of(folder_model) == before


@pytest.mark.usefixtures("old_enough")
def test_a_memory_that_cannot_be_written_is_done_without(
    folder_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = of(folder_model)
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert of(folder_model) == before


@pytest.mark.usefixtures("old_enough")
def test_the_memory_stays_small_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for number in range(300):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(str(number).encode())
        fingerprint.digest(str(path))
    memory = Path(fingerprint.digest_cache())
    known = json.loads(memory.read_text())
    assert len(known.keys() - {"checksum"}) == 256
    assert os.listdir(memory.parent) == ["digests.json"]
