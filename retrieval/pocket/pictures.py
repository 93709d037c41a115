"""Decode every training picture once into a memory-mapped uint8 array.

Decoding a picture takes longer than a training step of the small tower spends on it, and each one
is seen dozens of times: so it is decoded once, and every epoch afterwards reads raw pixels.
"""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.pocket.shards import Row, read_pictures

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class PictureSet:
    """Pictures of one size, and the manifest row of each."""

    pixels: Pixels  # (n, size, size, 3)
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Shard:
    """One file of encoded pictures and the square size its pictures are decoded to."""

    name: str
    file: str
    size: int


SHARDS = (
    Shard("flickr8k", "flickr8k_train_144.tar", 144),
    Shard("tiny_imagenet", "tiny_imagenet_train_64.bin", 64),
    Shard("mini_imagenet", "mini_imagenet_train_84.bin", 84),
    Shard("mini_imagenet_val", "mini_imagenet_val_84.bin", 84),
    Shard("caltech101", "caltech101_112.bin", 112),
    Shard("emoji", "emoji_72.tar", 72),
)


def decode(data: bytes, size: int) -> Pixels:
    """Decode a picture to square RGB pixels; transparency is laid over white."""
    with Image.open(io.BytesIO(data)) as opened:
        picture: Image.Image = opened
        if picture.mode in ("RGBA", "LA", "P"):
            layered = picture.convert("RGBA")
            white = Image.new("RGBA", layered.size, "white")
            picture = Image.alpha_composite(white, layered)
        picture = picture.convert("RGB")
        if picture.size != (size, size):
            picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(picture)


def prepare_shard(shard: Shard, data: Path, cache: Path) -> PictureSet:
    """Load the decoded shard, from the cache when it is there and decoded into it otherwise."""
    return cached(
        cache / shard.name,
        lambda: ((row, decode(blob, shard.size)) for row, blob in read_pictures(data / shard.file)),
    )


def cached(stem: Path, produce: Callable[[], Iterable[tuple[Row, Pixels]]]) -> PictureSet:
    """Open `STEM.npy` + `STEM.json`; when absent, write them from what `produce()` yields."""
    arrays, manifest = stem.with_suffix(".npy"), stem.with_suffix(".json")
    if not manifest.exists():
        log.info("decoding %s", stem.name)
        rows, pixels = _collect(produce())
        stem.parent.mkdir(parents=True, exist_ok=True)
        np.save(arrays, pixels)
        # The manifest is written last and renamed: its presence says that the array is whole.
        partial = manifest.with_suffix(".partial")
        partial.write_text(json.dumps(rows), encoding="utf-8")
        os.replace(partial, manifest)
    rows = json.loads(manifest.read_text(encoding="utf-8"))
    return PictureSet(np.load(arrays, mmap_mode="r"), tuple(rows))


def _collect(items: Iterable[tuple[Row, Pixels]]) -> tuple[list[Row], Pixels]:
    rows, pixels = [], []
    for row, picture in items:
        rows.append(row)
        pixels.append(picture)
    return rows, np.stack(pixels)
