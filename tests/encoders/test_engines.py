"""The proof: on torch and on OpenVINO, vectors equal those of plain open_clip."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import models

from retrieval.encoders import Encoder, identify, open_encoder
from retrieval.encoders.oom_safe_batches import OomSafeBatches

pytestmark = pytest.mark.slow

TEXTS = [
    "two dogs on a beach",
    "A RED bicycle, leaning against a wall!",
    "ein Hund läuft über die Wiese — 犬 🐕",
    "",
    "word " * 200,
    "<b>markup</b> &amp; entities\n\tand white space",
]


@pytest.fixture(scope="module", params=sorted(models.CONFIGS))
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "hf_tokenizer_name" in models.CONFIGS[request.param]["model_cfg"]["text_cfg"]:
        pytest.importorskip("transformers")
    return models.save(request.param, tmp_path_factory.mktemp("models") / request.param)


@pytest.fixture(scope="module", params=["torch", "cpu:f32"])
def encoder(
    saved: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Encoder:
    """The model on each engine; exports go to a cache of their own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return open_encoder(f"local-dir:{saved}", device=request.param)


def made_pictures() -> list[Image.Image]:
    """Pictures of several shapes with structure at several scales."""
    random = np.random.default_rng(3)
    pictures = []
    for width, height in [(320, 240), (240, 320), (97, 400), (224, 224), (40, 30), (1000, 700)]:
        coarse = random.integers(0, 256, (6, 8, 3), np.uint8)
        big = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
        grain = random.integers(-40, 40, big.shape)
        pictures.append(Image.fromarray(np.clip(big + grain, 0, 255).astype(np.uint8)))
    return pictures


def resized(transform: Any, picture: Image.Image) -> NDArray[np.uint8]:
    """Take open_clip's own transform as far as its pixels: all but ToTensor and Normalize."""
    for step in transform.transforms[:-2]:
        picture = step(picture)
    return np.asarray(picture)


def reference_vectors(folder: Path, pictures: list[Image.Image]) -> tuple[Any, Any, Any]:
    """Return pixels, image vectors and text vectors of plain open_clip."""
    import torch

    model, transform, tokenizer = models.plain(folder)
    pixels = np.stack([resized(transform, picture) for picture in pictures])
    with torch.no_grad():
        batch = torch.stack([transform(picture) for picture in pictures])
        images = model.encode_image(batch, normalize=True).numpy()
        texts = model.encode_text(tokenizer(TEXTS), normalize=True).numpy()
    return pixels, images, texts


@pytest.fixture(scope="module")
def expected(saved: Path) -> tuple[Any, Any, Any]:
    """Pixels, image vectors and text vectors of plain open_clip."""
    return reference_vectors(saved, made_pictures())


def assert_same(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
    """Compare vectors, and what is left of them without their mean.

    Vectors of random weights all look nearly alike, so their cosine alone proves little.
    """
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    assert (ours * theirs).sum(axis=1).min() >= 0.9999
    ours, theirs = ours - theirs.mean(axis=0), theirs - theirs.mean(axis=0)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    assert ((ours * theirs).sum(axis=1) / lengths).min() >= 0.9999


def test_vectors_equal_those_of_open_clip(encoder: Encoder, expected: tuple[Any, ...]) -> None:
    pixels, images, texts = expected
    assert_same(encoder.encode_images(pixels), images)
    assert_same(encoder.encode_texts(TEXTS), texts)


def test_the_spec_is_what_open_clip_says(saved: Path, encoder: Encoder) -> None:
    model, _transform, _tokenizer = models.plain(saved)
    theirs, ours = model.visual.preprocess_cfg, encoder.spec.preprocessing
    size = theirs["size"]
    assert ours.size == ((size, size) if isinstance(size, int) else tuple(size))
    assert (ours.resize_mode, ours.interpolation) == (
        theirs["resize_mode"],
        theirs["interpolation"],
    )
    assert (ours.mean, ours.std) == (tuple(theirs["mean"]), tuple(theirs["std"]))
    assert ours.fill_color == theirs["fill_color"]
    identity = identify(f"local-dir:{saved}")
    assert (encoder.spec.name, encoder.spec.fingerprint) == (
        identity.reference, identity.fingerprint,
    )  # fmt: skip


def test_rows_are_unit_vectors_in_any_batch(encoder: Encoder) -> None:
    height, width = encoder.spec.preprocessing.size
    pixels = np.random.default_rng(1).integers(0, 256, (5, height, width, 3), np.uint8)
    together = encoder.encode_images(pixels)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    single = np.concatenate([encoder.encode_images(pixels[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(single, together, atol=1e-5)


def test_pixels_may_lie_in_memory_in_any_way(encoder: Encoder) -> None:
    height, width = encoder.spec.preprocessing.size
    pixels = np.random.default_rng(1).integers(0, 256, (2, height, width, 3), np.uint8)
    expected = encoder.encode_images(pixels)
    backwards = np.ascontiguousarray(pixels[:, ::-1])[:, ::-1]
    read_only = pixels.copy()
    read_only.flags.writeable = False
    for same in (backwards, read_only, np.asfortranarray(pixels)):
        np.testing.assert_allclose(encoder.encode_images(same), expected, atol=1e-6)


def test_an_empty_batch_gives_no_rows(encoder: Encoder) -> None:
    height, width = encoder.spec.preprocessing.size
    dim = encoder.spec.dim
    assert encoder.encode_images(np.empty((0, height, width, 3), np.uint8)).shape == (0, dim)
    assert encoder.encode_texts([]).shape == (0, dim)


def test_wrong_pixels_are_refused(encoder: Encoder) -> None:
    height, width = encoder.spec.preprocessing.size
    for wrong in (
        np.zeros((1, height, width, 3), np.float32),
        np.zeros((height, width, 3), np.uint8),
        np.zeros((1, height + 1, width, 3), np.uint8),
        np.zeros((1, 3, height, width), np.uint8),
    ):
        with pytest.raises(ValueError, match="uint8"):
            encoder.encode_images(wrong)  # type: ignore[arg-type, unused-ignore]


def test_one_string_is_not_a_list_of_texts(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="sequence"):
        encoder.encode_texts("dog")


def test_many_texts_are_encoded_in_batches(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = encoder.encode_texts(TEXTS)
    monkeypatch.setattr(encoder, "_text_portions", OomSafeBatches(4, "cpu"), raising=False)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), together, atol=1e-5)


def test_the_house_resizes_as_the_model_wants(encoder: Encoder, expected: tuple[Any, ...]) -> None:
    resizing = pytest.importorskip("retrieval.images.resizing")
    _pixels, images, _texts = expected
    wanted = encoder.spec.preprocessing
    ours = [np.asarray(resizing.resize(picture, wanted)) for picture in made_pictures()]
    assert_same(encoder.encode_images(np.stack(ours)), images)


def test_a_trained_model_on_real_pictures() -> None:
    data = Path(os.environ.get("PIXTRIEVE_DATA") or "/nowhere")
    folder = data.parent / "models" / "pocket-prototype"
    photographs = sorted((data / "flickr8k-dev" / "images").glob("*.jpg"))[:32]
    if not folder.is_dir() or not photographs:
        pytest.skip("set PIXTRIEVE_DATA to the folder with flickr8k-dev")
    pictures = [Image.open(path).convert("RGB") for path in photographs]
    pixels, images, texts = reference_vectors(folder, pictures)
    for device in ("torch", "cpu"):
        encoder = open_encoder(f"local-dir:{folder}", device=device)
        assert_same(encoder.encode_images(pixels), images)
        assert_same(encoder.encode_texts(TEXTS), texts)
