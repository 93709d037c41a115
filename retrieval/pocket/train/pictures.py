"""The training pictures as feature maps of the frozen part of the image tower, computed once.

A pass through the whole tower costs six times as much as one through the trained part, and
training uses each picture a dozen times.
"""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from retrieval.pocket.shards import read_pictures
from retrieval.pocket.train.corpus import PHOTOGRAPHS
from retrieval.scenes import TRAINING_SEEDS, render, scene_facts

log = logging.getLogger(__name__)

Row = dict[str, Any]
Maps = NDArray[np.float16]
Item = tuple[Row, Image.Image]

NEIGHBOURS = 4
"""The number of consecutive scenes that are similar; a batch has all or none of them."""

_DRAWN = 256  # pixels; scenes are scaled down to the model's input size
_BATCH = 32


@dataclass(frozen=True)
class PictureSet:
    """Feature maps (n, h, w, C) of pictures in half floats, and a row of facts per picture."""

    maps: Maps
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, places: NDArray[np.int64] | Sequence[int] | slice) -> torch.Tensor:
        """Return maps as (n, C, h, w) float32 in channels-last memory order."""
        chosen = np.ascontiguousarray(self.maps[places]).astype(np.float32)
        return torch.from_numpy(chosen).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Amounts:
    """The number of training pictures of each kind."""

    scenes: int = 8000
    per_caltech_class: int = 15
    per_imagenet_class: int = 50


def sources(data: Path, amounts: Amounts) -> Mapping[str, Callable[[], Iterator[Item]]]:
    """Return a function for each set of pictures, by name, that yields its items."""
    train = data / "train"
    caltech = train / "caltech101_112.bin"
    mini = train / "mini_imagenet_train_84.bin"
    return {
        "photographs": lambda: _shard(train / PHOTOGRAPHS),
        "scenes": lambda: scenes(amounts.scenes),
        "caltech": lambda: _labelled(caltech, amounts.per_caltech_class),
        "mini_imagenet": lambda: _labelled(mini, amounts.per_imagenet_class),
    }


def prepare(
    name: str, items: Callable[[], Iterator[Item]], lower: nn.Module, size: int, cache: Path
) -> PictureSet:
    """Return a set of pictures, computed or loaded from the cache."""
    maps, rows = cache / f"{name}-{size}.npy", cache / f"{name}-{size}.jsonl"
    if not rows.exists():
        log.info("Computing %s", name)
        _write(items(), lower, size, maps, rows)
    read = tuple(json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines())
    return PictureSet(np.load(maps, mmap_mode="r"), read)


@torch.no_grad()
def _write(items: Iterator[Item], lower: nn.Module, size: int, maps: Path, rows: Path) -> None:
    lower = lower.to(memory_format=torch.channels_last)
    found, known = [], []
    batch: list[NDArray[np.uint8]] = []
    for row, picture in items:
        known.append(row)
        batch.append(squashed(picture, size))
        if len(batch) == _BATCH:
            found.append(_run(lower, batch))
            batch = []
    if batch:
        found.append(_run(lower, batch))
    maps.parent.mkdir(parents=True, exist_ok=True)
    np.save(maps, np.concatenate(found))
    rows.write_text("".join(json.dumps(row) + "\n" for row in known), encoding="utf-8")


def _run(lower: nn.Module, batch: list[NDArray[np.uint8]]) -> Maps:
    out: Maps = lower(torch.from_numpy(np.stack(batch))).permute(0, 2, 3, 1).numpy()
    return out.astype(np.float16)


def squashed(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """Return a picture as square RGB pixels (size, size, 3), ignoring its aspect ratio."""
    colours = picture.convert("RGB")
    if colours.size != (size, size):
        colours = colours.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(colours)


def scenes(count: int) -> Iterator[Item]:
    """Draw the scenes of the first training seeds, sorted so that similar ones are neighbours.

    Neighbours differ in colour, number or weather, so a batch with neighbours contains hard
    negatives.
    """
    for seed in sorted(TRAINING_SEEDS[:count], key=_likeness):
        scene = render(seed, _DRAWN)
        yield {"seed": seed, "captions": scene.captions}, scene.image


def _likeness(seed: int) -> tuple[str, ...]:
    facts = scene_facts(seed)
    companion = facts.companion.name if facts.companion else ""
    return (facts.subject.name, facts.place, companion, facts.weather)


def _shard(path: Path) -> Iterator[Item]:
    for row, data in read_pictures(path):
        yield row, Image.open(io.BytesIO(data))


def _labelled(path: Path, of_a_class: int) -> Iterator[Item]:
    """Yield the first training pictures of each class."""
    seen: Counter[str] = Counter()
    for row, picture in _shard(path):
        if row["split"] == "train" and seen[row["label"]] < of_a_class:
            seen[row["label"]] += 1
            yield row, picture
