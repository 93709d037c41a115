"""Scoring: measures over vectors that can be checked by hand, whoever made them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from retrieval.pocket.scores import scenes
from retrieval.scenes import scene_set


class Seeing:
    """Knows a scene's picture again, and the texts it was told; confuses nothing else."""

    def __init__(self, told: dict[str, bytes]) -> None:
        self.told = told
        self.places: dict[str | bytes, int] = {}

    def _rows(self, keys: Sequence[str | bytes]) -> NDArray[np.float32]:
        rows = np.zeros((len(keys), 400), np.float32)
        for row, key in enumerate(keys):
            rows[row, self.places.setdefault(key, len(self.places))] = 1
        return rows

    def images(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        return self._rows([picture.tobytes() for picture in pictures])

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._rows([self.told.get(text, text) for text in texts])


def test_scenes_are_scored_by_captions_that_describe_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retrieval.pocket.scores.SCENES", 12)
    found = list(scene_set(12, 4, size=192))
    full = {one.scene.captions[0]: one.scene.image.tobytes() for one in found}
    assert scenes(Seeing(full), sets=[4])["captions of everything R@1"] == 1
    unique = [
        (text, one.scene.image.tobytes())
        for one in found
        for text, alone in zip(one.scene.captions, one.unique, strict=True)
        if alone
    ]
    assert len(unique) > 40
    assert set(scenes(Seeing(dict(unique)), sets=[4]).values()) == {1}
    half = dict(unique[::2])
    known = sum(text in half for text, _ in unique) / len(unique)
    assert abs(scenes(Seeing(half), sets=[4])["unique captions R@1"] - known) < 0.1


def test_scene_scores_follow_what_the_captions_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.pocket.scores.SCENES", 12)
    terse = {
        one.scene.captions[3]: one.scene.image.tobytes()
        for one in scene_set(12, 4, size=192)
        if one.unique[3]
    }
    found = scenes(Seeing(terse), sets=[4])
    assert found["captions of first thing R@1"] == 1
    assert found["captions of things and weather R@1"] == 0
