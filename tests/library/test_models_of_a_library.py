"""Changing the model of a library: beside the old vectors, resumable, and back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import IndexOptions, Library, LibraryError

Names = Callable[..., list[str]]


class Inverted(FakeEncoder):
    """Another model: it takes each colour for its complement, so its answers can be told."""

    def __init__(self) -> None:
        super().__init__("inverted")

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return super().encode_images(255 - pixels)


@pytest.fixture
def filled(library: Library, pictures: Path) -> Library:
    paint(pictures / "cyan.png", (0, 255, 255))
    library.add(pictures)
    return library


def use(library: Library, encoder: FakeEncoder, **how: object) -> None:
    for _ in library.use_model(encoder, **how):  # type: ignore[arg-type]
        pass


def test_the_new_model_answers_when_all_is_encoded(filled: Library, names: Names) -> None:
    assert names(filled, "red", 1, look_in="pictures") == ["red.png"]
    new = Inverted()
    for progress in filled.use_model(new):
        if progress.phase == "encode":
            assert names(filled, "red", 1) == ["red.png"], "the old one serves meanwhile"
    assert names(filled, "red", 1, look_in="pictures") == ["cyan.png"]
    assert new.images_encoded == 5
    with Library.open(filled.path, Inverted()) as again:
        assert names(again, "red", 1, look_in="pictures") == ["cyan.png"]


def test_going_back_encodes_nothing(filled: Library, names: Names, encoder: FakeEncoder) -> None:
    use(filled, Inverted())
    use(filled, encoder)
    assert names(filled, "red", 1, look_in="pictures") == ["red.png"]
    assert encoder.images_encoded == 5


def test_going_back_encodes_what_came_meanwhile(
    filled: Library, pictures: Path, names: Names, encoder: FakeEncoder
) -> None:
    use(filled, Inverted())
    paint(pictures / "white.png", "white")
    filled.add()
    use(filled, encoder)
    assert encoder.images_encoded == 6
    assert names(filled, "white", 1) == ["white.png"]


def test_interrupted_it_goes_on_and_the_old_model_serves(filled: Library, names: Names) -> None:
    stop, new = threading.Event(), Inverted()
    real = new.encode_images

    def stop_then_encode(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        stop.set()
        return real(pixels)

    new.encode_images = stop_then_encode  # type: ignore[method-assign]
    *_, last = filled.use_model(new, IndexOptions(batch_size=2), stop=stop)
    assert (last.stopped, new.images_encoded) == (True, 2)
    assert names(filled, "red", 1, look_in="pictures") == ["red.png"]
    assert [(model.images, model.in_use) for model in filled.models()] == [(5, True), (2, False)]
    assert filled.model.fingerprint == "fake-1"
    use(filled, new)
    assert new.images_encoded == 5
    assert filled.model.fingerprint == "inverted"


def test_pictures_on_an_unplugged_drive_are_not_lost(
    filled: Library, pictures: Path, tmp_path: Path, names: Names
) -> None:
    os.rename(pictures, tmp_path / "elsewhere")
    with pytest.raises(LibraryError, match=r"\b5\b"):
        use(filled, Inverted())
    assert names(filled, "red", 1, look_in="pictures") == ["red.png"]
    use(filled, Inverted(), anyway=True)
    assert names(filled, "red") == []
    os.rename(tmp_path / "elsewhere", pictures)
    filled.add()
    assert names(filled, "red", 1, look_in="pictures") == ["cyan.png"]


def test_models_are_listed_and_forgotten(filled: Library, names: Names) -> None:
    use(filled, Inverted())
    (old, new) = filled.models()
    assert (old.fingerprint, old.images, old.in_use) == ("fake-1", 5, False)
    assert (new.fingerprint, new.images, new.in_use) == ("inverted", 5, True)


def test_a_model_in_use_is_not_forgotten(filled: Library) -> None:
    with pytest.raises(LibraryError, match="is in use"):
        filled.forget_model("fake")
    with pytest.raises(LibraryError, match="nonsense"):
        filled.forget_model("nonsense")


def test_forgetting_deletes_vectors_and_cache(filled: Library, names: Names) -> None:
    new = Inverted()
    new.spec = type(new.spec)("other", "inverted", 4, new.spec.preprocessing)
    use(filled, new)
    names(filled, "red")
    assert len(os.listdir(Path(filled.path) / "cache")) == 2
    assert filled.forget_model("fake") == 5
    assert len(os.listdir(Path(filled.path) / "cache")) == 1
    assert [model.name for model in filled.models()] == ["other"]
    assert names(filled, "red", 1, look_in="pictures") == ["cyan.png"]
