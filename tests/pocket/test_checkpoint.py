"""The shipped checkpoint: open_clip loads it with one line, and it does what its card says."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from retrieval.pocket import checkpoint_dir
from retrieval.pocket.scores import Scorer, class_names, flickr8k, scenes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load(checkpoint_dir())


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("PIXTRIEVE_DATA")
    if not folder:
        pytest.skip("PIXTRIEVE_DATA is not set: the development pictures are not here")
    return Path(folder)


def test_open_clip_loads_it_with_one_line():
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{checkpoint_dir()}")
    tokens = open_clip.get_tokenizer(f"local-dir:{checkpoint_dir()}")(["a red apple"])
    with torch.no_grad():
        image = model.encode_image(preprocess(Image.new("RGB", (300, 200), "red"))[None])
        assert image.shape == model.encode_text(tokens).shape == (1, 256)
        assert image.isfinite().all()


def test_it_is_small_when_zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in checkpoint_dir().iterdir():
            archive.write(path, path.name)
    assert len(buffer.getvalue()) <= 16_000_000


def test_a_licence_note_lies_beside_the_weights():
    assert "non-commercial" in (checkpoint_dir() / "LICENSE").read_text(encoding="utf-8")


def test_held_out_scenes_are_found_by_captions_that_describe_one_alone(scorer):
    found = scenes(scorer)
    assert found["telling everything R@1"] >= 0.98
    assert found["unique captions R@1"] >= 0.94


def test_unknown_words_are_harmless(scorer):
    vectors = scorer.texts(["a dog", "a dog qzxv", "", "зебра"])
    assert np.isfinite(vectors).all()


def test_photographs_are_found_by_captions(scorer, data):
    assert flickr8k(scorer, data)["text→image R@10"] >= 0.295


def test_wide_photographs_are_found_as_well_as_square_ones(scorer, data):
    square = flickr8k(scorer, data)["text→image R@10"]
    assert flickr8k(scorer, data, width=1.5)["text→image R@10"] >= 0.9 * square


def test_class_names_find_their_class(scorer, data):
    found = class_names(scorer, data / "train" / "caltech101_112.bin", "test")
    assert found["precision@10"] >= 0.4
