"""1,050 odd, broken and hostile files, against what Pillow and pillow-heif made of each."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps
from support.mended import whole_pixels

from retrieval.images import FoundFile, OtherFile, Picture, Problem, ReadLimits, Unreadable
from retrieval.images.decoding import read_picture
from retrieval.images.discovery import walk
from retrieval.images.formats import unsupported_reason
from retrieval.images.modes import to_rgb
from retrieval.images.resizing import resize
from retrieval.images.silenced import silenced
from retrieval.specs import Preprocessing

LIMITS = ReadLimits()
EXACT = ReadLimits(exact=True)


@pytest.fixture(scope="module")
def manifest(robust: str) -> dict[str, dict[str, Any]]:
    with open(os.path.join(robust, "manifest.jsonl"), encoding="utf-8") as lines:
        return {entry["file"]: entry for entry in map(json.loads, lines)}


@pytest.fixture(scope="module")
def how() -> Preprocessing:
    return Preprocessing((64, 64), "shortest", "bicubic", (0, 0, 0), (1, 1, 1))


@pytest.fixture(scope="module")
def results(
    robust: str, manifest: dict[str, dict[str, Any]], how: Preprocessing
) -> dict[str, Picture | Problem]:
    return {
        name: read_picture(os.path.join(robust, name), how, LIMITS, lambda digest: True)
        for name in manifest
        if unsupported_reason(name) == ""
    }


def test_the_walk_finds_every_picture_of_the_manifest(
    robust: str, manifest: dict[str, dict[str, Any]]
) -> None:
    found = {item.path: item for item in walk(robust) if not isinstance(item, OtherFile)}
    assert not any(isinstance(item, Unreadable) for item in found.values())
    assert set(found) == {name for name in manifest if unsupported_reason(name) is not None}
    for name, item in found.items():
        assert isinstance(item, FoundFile)
        assert item.size == manifest[name]["bytes"]


def test_what_decodes_gives_pixels_and_the_rest_a_reason(
    results: dict[str, Picture | Problem], manifest: dict[str, dict[str, Any]]
) -> None:
    assert len(results) > 800
    mended = []
    for name, result in results.items():
        if isinstance(result, Picture) and not manifest[name]["decodes"]:
            mended.append(name)
            continue
        assert isinstance(result, Picture) == manifest[name]["decodes"], (name, result)
        if isinstance(result, Problem):
            assert result.kind == "bad", (name, result)
            assert result.size == manifest[name]["bytes"]
            assert "0x" not in result.reason
            assert 10 < len(result.reason) < 100
        else:
            assert result.pixels is not None
            assert result.pixels.shape == (64, 64, 3)
            assert result.info is not None
            size = [result.info.width, result.info.height]
            assert sorted(size) == sorted(manifest[name]["size"])
    assert mended


def test_what_pillow_refuses_is_a_picture_only_if_its_pixels_are_whole(
    robust: str,
    manifest: dict[str, dict[str, Any]],
    results: dict[str, Picture | Problem],
    how: Preprocessing,
) -> None:
    for name in results:
        if manifest[name]["decodes"]:
            continue
        path = os.path.join(robust, name)
        result = read_picture(path, how, EXACT, lambda digest: True)
        if isinstance(result, Picture):
            with silenced():
                whole = whole_pixels(path)
                assert whole is not None, name
                expected = resize(to_rgb(whole), how)
            np.testing.assert_array_equal(result.pixels, expected, err_msg=name)


def test_turned_as_pillow_turns_and_resampled_alike(
    robust: str,
    manifest: dict[str, dict[str, Any]],
    results: dict[str, Picture | Problem],
    how: Preprocessing,
) -> None:
    turned = 0
    for name, scaled in results.items():
        if not isinstance(scaled, Picture) or not manifest[name]["decodes"]:
            continue
        path = os.path.join(robust, name)
        result = read_picture(path, how, EXACT, lambda digest: True)
        assert isinstance(result, Picture)
        with silenced(), open(path, "rb") as file:
            heif = result.info is not None and result.info.format == "HEIF"
            opened = pillow_heif.HeifImageFile if heif else Image.open
            picture: Image.Image = opened(file)
            if picture.mode != "RGB" or picture.has_transparency_data:
                continue
            stored = picture.size
            picture.load()
            try:
                upright = ImageOps.exif_transpose(picture)
            except Exception:  # the reason why Pixtrieve turns by itself
                upright = picture
            turned += stored != upright.size
        np.testing.assert_array_equal(result.pixels, resize(upright, how), err_msg=name)
    assert turned >= 5


def test_scaled_decoding_gives_nearly_the_same_and_fails_alike(
    robust: str, results: dict[str, Picture | Problem], how: Preprocessing
) -> None:
    scaled = 0
    for name, result in results.items():
        exact = read_picture(os.path.join(robust, name), how, EXACT, lambda digest: True)
        if isinstance(result, Problem) or isinstance(exact, Problem):
            assert result == exact, name
            continue
        assert result.info == exact.info, name
        assert result.pixels is not None
        assert exact.pixels is not None
        difference = np.abs(result.pixels.astype(int) - exact.pixels)
        assert difference.mean() < 1.5, name  # of 255
        scaled += bool(difference.any())
    assert scaled > 50


def test_nothing_is_printed(
    robust: str,
    manifest: dict[str, dict[str, Any]],
    how: Preprocessing,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in manifest:  # all of them: content decides, so any file may get this far
        read_picture(os.path.join(robust, name), how, LIMITS, lambda digest: True)
    assert capfd.readouterr() == ("", "")


def test_eight_threads_read_what_one_reads(
    robust: str, results: dict[str, Picture | Problem], how: Preprocessing
) -> None:
    def read(name: str) -> Picture | Problem:
        return read_picture(os.path.join(robust, name), how, LIMITS, lambda digest: True)

    with ThreadPoolExecutor(8) as pool:
        again = dict(zip(results, pool.map(read, results), strict=True))
    for name, expected in results.items():
        got = again[name]
        if isinstance(expected, Problem) or isinstance(got, Problem):
            assert got == expected, name
        else:
            assert (got.sha256, got.info) == (expected.sha256, expected.info)
            np.testing.assert_array_equal(got.pixels, expected.pixels, err_msg=name)
