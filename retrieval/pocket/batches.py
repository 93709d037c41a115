"""Draw augmented training batches: all of a batch follows from (seed, step), no hidden state."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from retrieval.pocket.corpus import Corpus, Source

CLASS_SOURCES = ("tiny_imagenet", "mini_imagenet", "caltech101")
PHOTOS, SCENES = "flickr8k", "scenes"


@dataclass(frozen=True)
class Augmentation:
    """How far a training picture may move from the original."""

    smallest_crop: float = 0.35  # least share of the area that a crop keeps
    scene_crop: float = 0.8  # the same of scenes: what is cut off, their captions still count
    stretch: float = 4 / 3  # crops are up to this much wider or taller than square
    jitter: float = 0.3  # brightness, contrast and saturation change by up to this factor
    erase: float = 0.25  # how often a rectangle is blanked, except in scenes
    mix: float = 0.0  # how often a captioned photograph is blended with another one
    mix_classes: float = 0.0  # how often a class picture is blended with another one
    mix_shape: float = 0.4  # of the beta distribution of a blend's parts; 1 is even, less leans


@dataclass(frozen=True)
class Blend:
    """Which pictures were blended: row i shows `own[i]` of itself and the rest of `other[i]`."""

    own: NDArray[np.float32]  # (pictures,), 0.5…1; 1 is a picture left alone
    other: NDArray[np.int64]  # (pictures,) rows

    def of(self, rows: torch.Tensor) -> torch.Tensor:
        """Blend rows (pictures, anything) as the pictures were: their targets, say."""
        shape = (len(rows), *(1 for _ in rows.shape[1:]))
        own = torch.from_numpy(self.own).to(rows.device, rows.dtype).view(shape)
        return own * rows + (1 - own) * rows[torch.from_numpy(self.other).to(rows.device)]


@dataclass(frozen=True)
class PictureBatch:
    """Augmented pictures, captioned ones first, and the text group of each."""

    pixels: torch.Tensor  # (n, 3, size, size) float32 in 0…255
    groups: NDArray[np.int64]
    parts: dict[str, slice]  # which rows are of which source
    captioned: int  # the first so many are captioned pictures, the others class pictures
    blend: Blend  # of the photographs
    class_blend: Blend  # of the class pictures

    @property
    def photos(self) -> int:
        """Return how many rows are captioned photographs: they are the first ones."""
        return self.parts[PHOTOS].stop if PHOTOS in self.parts else 0


def draw_batch(
    corpus: Corpus,
    shares: dict[str, int],
    size: int,
    step: int,
    rng: np.random.Generator,
    augmentation: Augmentation,
) -> PictureBatch:
    """Draw the pictures of one batch: so many of each source, captioned sources first."""
    pixels: list[torch.Tensor] = []
    groups: list[NDArray[np.int64]] = []
    parts: dict[str, slice] = {}
    begin = 0
    for name, count in shares.items():
        source = corpus.sources[name]
        places = _epoch_places(len(source), count, step, source.neighbours)
        flips = source.flippable[places] & (rng.random(count) < 0.5)
        least = augmentation.scene_crop if name == SCENES else augmentation.smallest_crop
        boxes = _boxes(count, source.pixels.shape[1], rng, least, augmentation.stretch)
        parts[name] = slice(begin, begin := begin + count)
        pixels.append(_crops(source, places, flips, size, boxes))
        groups.append(source.groups[places])
    captioned = sum(n for name, n in shares.items() if name not in CLASS_SOURCES)
    joined = _jitter(torch.cat(pixels).float(), augmentation.jitter, rng)
    photos = shares.get(PHOTOS, 0)
    blend = _draw_blend(photos, augmentation.mix, augmentation.mix_shape, rng)
    joined[:photos] = blend.of(joined[:photos])
    classes = len(joined) - captioned
    class_blend = _draw_blend(classes, augmentation.mix_classes, augmentation.mix_shape, rng)
    joined[captioned:] = class_blend.of(joined[captioned:])
    blanked = rng.random(len(joined)) < augmentation.erase
    blanked[parts.get(SCENES, slice(0))] = False
    _blank(joined, np.flatnonzero(blanked), rng)
    return PictureBatch(joined, np.concatenate(groups), parts, captioned, blend, class_blend)


def _draw_blend(count: int, share: float, shape: float, rng: np.random.Generator) -> Blend:
    """Pair each picture with another one, and choose how much of it shows (mixup)."""
    weights = rng.beta(shape, shape, count)
    own = np.where(rng.random(count) < share, np.maximum(weights, 1 - weights), 1.0)
    return Blend(own.astype(np.float32), rng.permutation(count))


def _epoch_places(total: int, count: int, step: int, together: int = 1) -> NDArray[np.int64]:
    """Choose the `count` places that `step` visits; every epoch is a fresh shuffle.

    Each run of `together` places keeps together; a rest at the end that is shorter is not visited.
    """
    runs = total // together
    wanted, within = np.divmod(step * count + np.arange(count), together)
    epochs, offsets = np.divmod(wanted, runs)
    shuffles = {e: np.random.default_rng((runs, int(e))).permutation(runs) for e in set(epochs)}
    first = np.array([shuffles[e][o] for e, o in zip(epochs, offsets, strict=True)], np.int64)
    return first * together + within


def _crops(
    source: Source,
    places: NDArray[np.int64],
    flips: NDArray[np.bool_],
    size: int,
    boxes: NDArray[np.int64],
) -> torch.Tensor:
    """Cut a box out of each picture, mirrored where `flips` says so, resized to `size`."""
    out = torch.empty(len(places), 3, size, size, dtype=torch.uint8)
    for row, (place, flip, (x, y, w, h)) in enumerate(zip(places, flips, boxes, strict=True)):
        crop = source.pixels[place, y : y + h, x : x + w]
        if flip:
            crop = crop[:, ::-1]
        # Colours last is what torch calls channels_last: resizing takes its fast path.
        whole = torch.from_numpy(np.array(crop)).permute(2, 0, 1)[None]
        scaled = functional.interpolate(whole, (size, size), mode="bilinear", antialias=True)
        out[row] = scaled[0]
    return out


def _boxes(
    count: int, side: int, rng: np.random.Generator, least: float, stretch: float
) -> NDArray[np.int64]:
    """(count, 4) of x, y, width, height within a square of `side`."""
    area = rng.uniform(least, 1, count) * side * side
    reach = math.log(stretch)
    wider = np.exp(rng.uniform(-reach, reach, count))
    width = np.sqrt(area * wider).clip(8, side).astype(np.int64)
    height = np.sqrt(area / wider).clip(8, side).astype(np.int64)
    x, y = rng.integers(side - width + 1), rng.integers(side - height + 1)
    return np.stack([x, y, width, height], axis=1)


def _jitter(pixels: torch.Tensor, reach: float, rng: np.random.Generator) -> torch.Tensor:
    """Change brightness, contrast and saturation; hue stays, for captions name colours."""
    brightness, contrast, saturation = (
        torch.from_numpy(rng.uniform(1 - reach, 1 + reach, (len(pixels), 1, 1, 1))).float()
        for _ in range(3)
    )
    grey = pixels.mean(dim=1, keepdim=True)
    pixels = torch.lerp(grey.expand_as(pixels), pixels, saturation)
    middle = pixels.mean(dim=(1, 2, 3), keepdim=True)
    return (torch.lerp(middle.expand_as(pixels), pixels, contrast) * brightness).clamp(0, 255)


def _blank(pixels: torch.Tensor, rows: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Cover a rectangle of up to a quarter of the area with grey in some of the pictures."""
    size = pixels.shape[-1]
    for row in rows:
        w, h = rng.integers(size // 6, size // 2 + 1, 2)
        x, y = rng.integers(size - w + 1), rng.integers(size - h + 1)
        pixels[row, :, y : y + h, x : x + w] = 116.0
