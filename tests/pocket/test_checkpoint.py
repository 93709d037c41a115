"""The shipped checkpoint: open_clip loads it with one line, and it does what its card says."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from retrieval.encoders import open_encoder
from retrieval.encoders.models.references import built_in_folder
from retrieval.images import ReadLimits
from retrieval.images.decoding import pixels_from_bytes
from retrieval.pocket.scores import class_names, flickr8k, scenes

pytestmark = pytest.mark.slow


class Product:
    """The shipped graphs, as commands run them: open_clip would take ten times as long.

    `test_shipped` compares both.
    """

    def __init__(self) -> None:
        self._encoder = open_encoder("pocket", device="cpu:f32")

    def images(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        rows = []
        for start in range(0, len(pictures), 16):
            pixels = [self._pixels(picture) for picture in pictures[start : start + 16]]
            rows.append(self._encoder.encode_images(np.stack(pixels)))
        return np.concatenate(rows)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.encode_texts(texts)

    def _pixels(self, picture: Image.Image) -> NDArray[np.uint8]:
        data = io.BytesIO()
        picture.save(data, "BMP")
        limits = ReadLimits(exact=True)
        return pixels_from_bytes(data.getvalue(), self._encoder.spec.preprocessing, limits)


@pytest.fixture(scope="module")
def scorer() -> Product:
    return Product()


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("PIXTRIEVE_DATA")
    if not folder:
        pytest.skip("PIXTRIEVE_DATA is not set: the development pictures are not here")
    return Path(folder)


def test_open_clip_loads_it_with_one_line() -> None:
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{built_in_folder()}")
    tokens = open_clip.get_tokenizer(f"local-dir:{built_in_folder()}")(["a red apple"])
    with torch.no_grad():
        image = model.encode_image(preprocess(Image.new("RGB", (300, 200), "red"))[None])
        assert image.shape == model.encode_text(tokens).shape == (1, 512)
        assert image.isfinite().all()


def test_it_is_small_when_zipped() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(built_in_folder().rglob("*")):
            archive.write(path, path.relative_to(built_in_folder()))
    assert len(buffer.getvalue()) <= 32_000_000


def test_a_licence_note_names_where_the_weights_come_from() -> None:
    note = (built_in_folder() / "LICENSE").read_text(encoding="utf-8")
    for words in ("EfficientNet-Lite2", "all-MiniLM-L6-v2", "Apache-2.0", "non-commercial"):
        assert words in note


def test_held_out_scenes_are_found_by_captions_that_describe_one_alone(scorer: Product) -> None:
    found = scenes(scorer)
    assert found["captions of everything R@1"] >= 0.97
    assert found["unique captions R@1"] >= 0.9


def test_unknown_words_are_harmless(scorer: Product) -> None:
    vectors = scorer.texts(["a dog", "a dog qzxv", "", "зебра"])
    assert np.isfinite(vectors).all()


@pytest.fixture(scope="module")
def found(scorer: Product, data: Path) -> dict[str, float]:
    """Scores on the development pictures as they are."""
    return flickr8k(scorer, data)


def test_photographs_are_found_by_captions(found: dict[str, float]) -> None:
    assert found["text→image R@1"] >= 0.255
    assert found["text→image R@10"] >= 0.69
    assert found["image→text R@10"] >= 0.69


def test_wide_photographs_are_found_as_well_as_square_ones(
    scorer: Product, data: Path, found: dict[str, float]
) -> None:
    wide = flickr8k(scorer, data, width=1.5)
    assert wide["text→image R@10"] >= 0.95 * found["text→image R@10"]


def test_class_names_find_their_class(scorer: Product, data: Path) -> None:
    found = class_names(scorer, data / "train" / "caltech101_112.bin", "test")
    assert found["precision@10"] >= 0.85
