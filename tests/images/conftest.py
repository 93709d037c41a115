"""What the picture tests share: one small preprocessing, and pictures that can be told apart."""

from __future__ import annotations

import os

import pytest
from PIL import Image

from retrieval.specs import Preprocessing


@pytest.fixture
def preprocessing() -> Preprocessing:
    return Preprocessing(
        (32, 32), "squash", "bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), fill_color=0
    )


@pytest.fixture
def quadrants() -> Image.Image:
    """Red, green / blue, white: any turn or flip shows."""
    picture = Image.new("RGB", (64, 48))
    for corner, colour in (
        ((0, 0), (255, 0, 0)),
        ((32, 0), (0, 255, 0)),
        ((0, 24), (0, 0, 255)),
        ((32, 24), (255, 255, 255)),
    ):
        picture.paste(colour, (*corner, corner[0] + 32, corner[1] + 24))
    return picture


@pytest.fixture(scope="session")
def robust() -> str:
    """The folder of odd, broken and hostile files."""
    folder = os.path.join(os.environ.get("PIXTRIEVE_DATA", ""), "robust")
    if not os.path.isfile(os.path.join(folder, "manifest.jsonl")):
        pytest.skip("PIXTRIEVE_DATA does not name a folder with robust/manifest.jsonl")
    return folder
