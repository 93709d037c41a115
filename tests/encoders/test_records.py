"""What is kept beside a model is believed only as it was written: exports, records, compiled."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from support.fakes import SMALL

from retrieval.encoders.compiled import calibrations, towers
from retrieval.encoders.compiled.exports import MODEL_FILES, Export, read_export, write_export
from retrieval.encoders.models import fingerprint
from retrieval.whole_file import read_record, write_record

EXPORT = Export(4, SMALL, "MIT", 77, "lower", True, "OPTIMIZE_SIZE", {"f32": 1.0})


def write_files(folder: str) -> Export:
    for number, name in enumerate(MODEL_FILES):
        Path(folder, name).write_bytes(np.random.default_rng(number).bytes(5000))
    return EXPORT


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export whose files are old enough to be remembered, and have been read once."""
    monkeypatch.setattr(fingerprint, "_SETTLED_NS", -(10**18))
    write_export("f" * 64, write_files)
    assert read_export("f" * 64) == EXPORT
    from retrieval.encoders.compiled.exports import folder_of

    return Path(folder_of("f" * 64))


def flip(path: Path, seed: int, *, silently: bool = False) -> None:
    """Flip one bit; `silently` as a disk does, so that the file's times stay as they are."""
    random, content, before = np.random.default_rng(seed), path.read_bytes(), path.stat()
    at = int(random.integers(len(content)))
    flipped = bytearray(content)
    flipped[at] ^= 1 << int(random.integers(8))
    path.write_bytes(bytes(flipped))
    if silently:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("name", [*MODEL_FILES, "export.json"])
def test_one_flipped_bit_and_the_export_is_not_used(export: Path, name: str) -> None:
    whole = (export / name).read_bytes()
    for seed in range(40):
        flip(export / name, seed, silently=True)
        assert read_export("f" * 64) is None
        (export / name).write_bytes(whole)
    assert read_export("f" * 64) == EXPORT


def test_a_file_too_many_or_too_few_and_the_export_is_not_used(export: Path) -> None:
    (export / "words.json").unlink()
    assert read_export("f" * 64) is None


def test_what_was_checked_is_not_read_again(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> str:
        raise AssertionError(path)

    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "_hash", refuse)
        assert read_export("f" * 64) == EXPORT
    fingerprint.forget_digests()
    monkeypatch.setattr(fingerprint, "_hash", lambda path: "0" * 64)
    assert read_export("f" * 64) is None


def test_a_damaged_memory_of_digests_costs_no_export(export: Path) -> None:
    memory = fingerprint.digest_cache()
    known = read_record(memory)
    assert known
    write_record(memory, dict.fromkeys(known, "0" * 64))
    assert read_export("f" * 64) == EXPORT


def test_a_record_with_any_bit_flipped_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    facts = {"processor": "fast", "seconds": {"f32": 0.5, "bf16": float("inf")}}
    write_record(str(path), facts)
    assert read_record(str(path)) == facts
    whole = path.read_bytes()
    for seed in range(200):
        flip(path, seed)
        assert read_record(str(path)) in (None, facts)  # facts: a blank for another blank
        path.write_bytes(whole)
    for garbage in (b"", b"[]", b"null", b"{}", b"[" * 100_000, b"\xff", b'{"checksum": 1}'):
        path.write_bytes(garbage)
        assert read_record(str(path)) is None


def test_a_damaged_calibration_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = calibrations.Calibration(9, 9, 1.0, 1.0, 1.0, 1.0, "x")

    def make(folder: str) -> calibrations.Calibration:
        for name in ("image.xml", "image.bin"):
            Path(folder, name).write_bytes(b"a" * 1000)
        return found

    calibrations.write_calibration("e" * 64, make)
    assert calibrations.read_calibration("e" * 64) == found
    flip(Path(calibrations.calibration_folder("e" * 64), "image.bin"), 1)
    assert calibrations.read_calibration("e" * 64) is None


def test_compiled_towers_that_differ_from_their_record_are_deleted(tmp_path: Path) -> None:
    for name in ("1.blob", "2.blob"):
        (tmp_path / name).write_bytes(b"compiled" * 100)
    towers.remember_compiled(str(tmp_path))
    assert towers.drop_damaged(str(tmp_path)) == []
    flip(tmp_path / "1.blob", 3)
    (tmp_path / "3.blob").write_bytes(b"from nowhere")
    assert towers.drop_damaged(str(tmp_path)) == ["1.blob", "3.blob"]
    assert sorted(os.listdir(tmp_path)) == ["2.blob", "digests.json"]
    assert json.loads((tmp_path / "digests.json").read_text()).keys() >= {"1.blob", "2.blob"}
