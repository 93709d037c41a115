"""Rendered training scenes as a picture set."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from retrieval.pocket.pictures import PictureSet, Pixels, cached
from retrieval.pocket.shards import Row
from retrieval.scenes import TRAINING_SEEDS, render

SIZE = 128


def prepare_scenes(cache: Path, count: int) -> PictureSet:
    """Load the scenes of the first `count` training seeds, rendered once into the cache."""
    return cached(cache / f"scenes-{count}", lambda: _render_scenes(count))


def _render_scenes(count: int) -> Iterator[tuple[Row, Pixels]]:
    for seed in islice(TRAINING_SEEDS, count):
        scene = render(seed, SIZE)
        yield {"seed": seed, "captions": scene.captions}, np.asarray(scene.image)
