"""Placeholders: what 18 bytes keep of a picture, here and on the page."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from support.waiting import SUBPROCESS_S

from retrieval.images.placeholder import SIZE, grey_placeholders, placeholder_of

STATIC = Path(__file__).parents[2] / "retrieval" / "server" / "static"
SIDE = 16  # of what is drawn

Pixels = NDArray[np.float64]

colours = st.tuples(*[st.integers(0, 255)] * 3)
sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))


def drawn(placeholder: bytes) -> Pixels:
    """Return the (SIDE, SIDE, 3) pixels of a placeholder, worked out as its module says."""
    heads = np.frombuffer(placeholder[:6], np.uint8) / 255
    raw = np.frombuffer(placeholder[6:], np.uint8)
    numbers = (np.stack([raw >> 4, raw & 15], 1).ravel().astype(int) - 8) / 7
    channels, first = [], 0
    for at, order in enumerate((4, 2, 2)):
        channel = np.full((SIDE, SIDE), heads[at] if at == 0 else 2 * heads[at] - 1)
        waves = [(down, s - down) for s in range(1, order + 1) for down in range(s + 1)]
        for down, across in waves:
            rows = np.cos(np.pi * down * (np.arange(SIDE) + 0.5) / SIDE)
            columns = np.cos(np.pi * across * (np.arange(SIDE) + 0.5) / SIDE)
            channel += numbers[first] * heads[3 + at] * np.outer(rows, columns)
            first += 1
        channels.append(channel)
    light, yellow, reddish = channels
    blue = light - 2 * yellow / 3
    red = (3 * light - blue + reddish) / 2
    result: Pixels = np.clip(np.stack([red, red - reddish, blue], -1), 0, 1) * 255
    return result


@given(colour=colours, size=sizes)
def test_one_colour_stays_that_colour(colour: tuple[int, int, int], size: tuple[int, int]) -> None:
    placeholder = placeholder_of(Image.new("RGB", size, colour))
    assert len(placeholder) == SIZE
    assert np.abs(drawn(placeholder) - colour).max() < 4


@settings(max_examples=40)
@given(corners=st.tuples(colours, colours), size=sizes, down=st.booleans())
def test_what_changes_slowly_is_kept(
    corners: tuple[tuple[int, int, int], tuple[int, int, int]], size: tuple[int, int], down: bool
) -> None:
    way = np.linspace(0, 1, 64)[:, None] if down else np.linspace(0, 1, 64)[None, :]
    first, second = (np.array(corner, float) for corner in corners)
    pixels = first + (np.broadcast_to(way, (64, 64))[..., None]) * (second - first)
    picture = Image.fromarray(pixels.astype(np.uint8)).resize((max(8, size[0]), max(8, size[1])))
    small = np.asarray(picture.resize((SIDE, SIDE)), float)
    assert np.abs(drawn(placeholder_of(picture)) - small).mean() < 12


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_grey_ones_are_those_of_grey_pictures(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    thumbnails = random.integers(0, 256, (count, 24, 24), np.uint8)
    found = grey_placeholders(thumbnails)
    assert len(found) == count
    for thumbnail, placeholder in zip(thumbnails, found, strict=True):
        shown = drawn(placeholder)
        assert np.ptp(shown, axis=-1).max() < 4  # without colour
        assert abs(shown.mean() - thumbnail.mean()) < 20


def test_the_page_draws_the_same(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    random = np.random.default_rng(3)
    pictures = [
        Image.fromarray(random.integers(0, 256, (4, 5, 3), np.uint8)).resize((60, 40))
        for _ in range(20)
    ]
    placeholders = [placeholder_of(picture) for picture in pictures]
    shutil.copy(STATIC / "placeholder.js", tmp_path / "placeholder.mjs")
    script = (
        "import { decode } from './placeholder.mjs';"
        "console.log(JSON.stringify(JSON.parse(process.argv[1]).map((one) => [...decode(one)])))"
    )
    texts = json.dumps([base64.b64encode(each).decode() for each in placeholders])
    ran = subprocess.run(
        [node, "--input-type=module", "-e", script, texts],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=SUBPROCESS_S,
    )
    shown = np.array(json.loads(ran.stdout), float).reshape(-1, SIDE, SIDE, 4)[..., :3]
    for pixels, placeholder in zip(shown, placeholders, strict=True):
        assert np.abs(pixels - drawn(placeholder)).max() < 1.5
