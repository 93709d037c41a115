"""Vectors of texts that every library asks for: encoded once for a model, and never another's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library
from retrieval.encoders.compiled.exports import folder_of
from retrieval.encoders.text_cache import cached_text_vectors


class Counting(FakeEncoder):
    """Counts the texts that it has encoded."""

    texts = 0

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        return super().encode_texts(texts)


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the fake model's export, there but empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = Path(folder_of("fake-1"))
    folder.mkdir(parents=True)
    return folder


def test_texts_are_encoded_once(exported: Path) -> None:
    first, second = Counting(), Counting()
    made = cached_text_vectors(first, ["red", "green"])
    kept = cached_text_vectors(second, ["red", "green"])
    assert (first.texts, second.texts) == (2, 0)
    assert np.array_equal(made, kept)
    assert np.array_equal(kept, first.encode_texts(["red", "green"]))


def test_other_texts_and_other_models_have_their_own(exported: Path) -> None:
    cached_text_vectors(Counting(), ["red", "green"])
    encoder = Counting()
    assert np.array_equal(
        cached_text_vectors(encoder, ["green", "red"])[0], encoder.encode_texts(["green"])[0]
    )
    Path(folder_of("fake-2")).mkdir()
    other = Counting("fake-2")
    cached_text_vectors(other, ["red", "green"])
    assert other.texts == 2


@pytest.mark.parametrize("left", [b"", b"no array", None])
def test_a_damaged_file_is_rebuilt(exported: Path, left: bytes | None) -> None:
    made = cached_text_vectors(Counting(), ["red"])
    (file,) = exported.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-3] if left is None else left)
    assert np.array_equal(cached_text_vectors(Counting(), ["red"]), made)
    assert file.read_bytes() == whole


def test_a_model_without_an_export_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    encoder = Counting()
    for _ in range(2):
        cached_text_vectors(encoder, ["red"])
    assert encoder.texts == 2
    assert not (tmp_path / "cache").exists()


def test_a_library_too_small_to_be_sure_of_anything_encodes_no_text(
    tmp_path: Path, pictures: Path
) -> None:
    encoder = Counting()
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(pictures)
        assert encoder.texts == 0
        for level in (10, 90, 170, 250):
            paint(pictures / f"{level}.png", (level, level, level))
        library.add(pictures)
        assert encoder.texts > 100
