"""Eight-bit pictures: calibrated once, checked, kept whole or not at all, or refused."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support import models

from retrieval.encoders import Calibrating, identify, open_encoder
from retrieval.encoders.compiled import calibrations, int8
from retrieval.encoders.compiled.calibrations import (
    Calibration,
    calibration_folder,
    read_calibration,
)
from retrieval.encoders.compiled.int8 import Int8Encoder
from retrieval.encoders.compiled.quantising import quantise, sums_overflow
from retrieval.errors import MissingExtra, ModelError

pytest.importorskip("nncf")
pytestmark = pytest.mark.slow


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return (count, 64, 96, 3) pictures that differ from each other at a coarse scale."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 6, 3), np.uint8)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local-dir:{models.save('oblong', tmp_path_factory.mktemp('models') / 'oblong')}"


@pytest.fixture(scope="module")
def caches(model: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Cache folders, made once: with the model's export, and with its quantised tower, too."""
    exported, calibrated = (tmp_path_factory.mktemp("caches") / name for name in ("e", "c"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(exported))
        open_encoder(model, device="cpu")
        shutil.copytree(exported, calibrated)
        environment.setenv("XDG_CACHE_HOME", str(calibrated))
        open_int8(model).calibrate(pictures(60))
    return exported, calibrated


@pytest.fixture
def exported(caches: tuple[Path, Path], tmp_path: Path) -> None:
    """The test's own cache holds the export."""
    shutil.copytree(caches[0], tmp_path / "cache", dirs_exist_ok=True)


@pytest.fixture
def calibrated(caches: tuple[Path, Path], tmp_path: Path) -> None:
    """The test's own cache holds the export and the quantised tower."""
    shutil.copytree(caches[1], tmp_path / "cache", dirs_exist_ok=True)


@pytest.fixture
def without_nncf(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    hidden = {"nncf": None}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: hidden[name] if name in hidden else find(name)
    )


def open_int8(model: str) -> Int8Encoder:
    encoder = open_encoder(model, device="cpu:int8")
    assert isinstance(encoder, Int8Encoder)
    assert isinstance(encoder, Calibrating)
    return encoder


def calibration_of(model: str) -> Calibration | None:
    return read_calibration(identify(model).fingerprint)


def files_of(model: str) -> set[str]:
    return set(os.listdir(calibration_folder(identify(model).fingerprint)))


def test_vectors_are_near_those_of_float32_and_not_the_same(model: str, calibrated: None) -> None:
    others = pictures(20, seed=1)
    wanted = open_encoder(model, device="cpu:f32").encode_images(others)
    found = open_int8(model).encode_images(others)
    cosines = (wanted * found).sum(axis=1)
    assert cosines.min() > 0.99
    assert not np.allclose(wanted, found, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_the_record_says_how_near(model: str, calibrated: None) -> None:
    record = calibration_of(model)
    assert record is not None
    assert (record.pictures, record.checked) == (48, 12)
    assert record.good
    assert 0.99 < record.least_cosine <= record.mean_cosine < 1.000001
    assert 0.99 < record.mean_likeness < 1
    assert "nncf" in record.made_with
    assert files_of(model) == {"image.xml", "image.bin", "calibration.json"}


def test_what_was_calibrated_once_needs_no_pictures_and_no_nncf(
    model: str, calibrated: None, without_nncf: None
) -> None:
    encoder = open_int8(model)
    assert encoder.pictures_wanted() == 0
    assert encoder.encode_images(pictures(3)).shape == (3, 32)


def test_texts_and_pictures_without_a_tower_are_as_without_int8(model: str, exported: None) -> None:
    plain, encoder = open_encoder(model, device="cpu"), open_int8(model)
    assert encoder.pictures_wanted() > 0
    for ours, theirs in (
        (encoder.encode_images(pictures(3)), plain.encode_images(pictures(3))),
        (encoder.encode_texts(["a dog"]), plain.encode_texts(["a dog"])),
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert encoder.spec == plain.spec


def test_too_few_pictures_are_said_to_be_too_few(
    model: str, exported: None, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = open_int8(model)
    encoder.calibrate(pictures(31))
    assert "31 pictures are too few to calibrate on (32 at least)" in caplog.text
    assert encoder.pictures_wanted() > 0, "more may come"
    assert calibration_of(model) is None


def test_without_nncf_the_command_to_install_it_is_named(
    model: str, exported: None, without_nncf: None
) -> None:
    encoder = open_int8(model)
    with pytest.raises(MissingExtra, match="nncf") as caught:
        encoder.pictures_wanted()
    assert "pip install 'pixtrieve[int8]'" in caught.value.hint


def test_a_tower_too_far_off_is_refused_and_remembered(
    model: str,
    exported: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(calibrations, "LEAST_MEAN_LIKENESS", 1.1)
    encoder = open_int8(model)
    expected = encoder.encode_images(pictures(2))
    encoder.calibrate(pictures(40))
    assert "encodes pictures in" in caplog.text
    assert "too far from float32 (likeness 0.9" in caplog.text
    np.testing.assert_array_equal(encoder.encode_images(pictures(2)), expected)
    assert files_of(model) == {"calibration.json"}

    caplog.clear()
    again = open_int8(model)
    assert again.pictures_wanted() == 0
    assert "too far from float32" in caplog.text
    monkeypatch.setattr(int8, "_versions", lambda: "another version")
    assert open_int8(model).pictures_wanted() > 0


def test_a_damaged_tower_is_noticed(model: str, calibrated: None) -> None:
    folder = Path(calibration_folder(identify(model).fingerprint))
    for name in ("image.bin", "image.xml", "calibration.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        assert open_int8(model).pictures_wanted() > 0
        (folder / name).write_bytes(whole)
    assert open_int8(model).pictures_wanted() == 0


def test_what_nncf_says_of_a_failure_is_passed_on(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelError, match=r"NNCF could not quantise it: .*missing\.xml"):
        quantise("missing.xml", pictures(2), str(tmp_path / "result.xml"))


def test_a_failure_leaves_the_encoder_and_the_cache_as_they_were(
    model: str,
    exported: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise ModelError("NNCF could not quantise it: no memory")

    monkeypatch.setattr(int8, "quantise", fail)
    encoder = open_int8(model)
    encoder.calibrate(pictures(40))
    assert "not int8: NNCF could not quantise it: no memory" in caplog.text
    assert encoder.encode_images(pictures(2)).shape == (2, 32)
    folder = Path(calibration_folder(identify(model).fingerprint))
    assert not folder.exists()
    assert not list(folder.parent.glob("*.tmp"))


def test_nothing_reaches_the_screen_or_leaves_the_machine(
    model: str,
    exported: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name, value in (("HOME", str(home)), ("CI", "")):
        monkeypatch.setenv(name, value)
    open_int8(model).calibrate(pictures(32))
    assert capfd.readouterr() == ("", "")
    assert not list(home.iterdir()), "telemetry leaves an identity there"
    assert calibration_of(model) is not None


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "flags : avx2 fma", True),
        ("AMD64", "flags : avx2 avx_vnni", False),
        ("x86_64", "flags : avx512f avx512_vnni", False),
        ("x86_64", None, True),
        ("aarch64", None, False),
    ],
)
def test_sums_overflow_where_there_is_no_arithmetic_for_bytes(
    machine: str, flags: str | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    path = tmp_path / "cpuinfo"
    if flags is not None:
        path.write_text(flags)
    assert sums_overflow(str(path)) is expected
