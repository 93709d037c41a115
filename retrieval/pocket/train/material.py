"""The training data of all stages: texts with their vectors, pictures with their feature maps."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from retrieval.pocket.train.corpus import Corpus, collect
from retrieval.pocket.train.pictures import PictureSet, prepare, sources
from retrieval.pocket.train.pretrained import SENTENCE_DIM, Sentences
from retrieval.pocket.train.recipe import Recipe
from retrieval.pocket.train.towers import Lower, Upper

log = logging.getLogger(__name__)

_AT_ONCE = 8192


@dataclass(frozen=True)
class Material:
    """The training data.

    `vectors` are the sentence model's rows (texts, `SENTENCE_DIM`) of the corpus. `pooled` are the
    backbone's features (n, F) of whole pictures, `guesses` its class probabilities (n, 1000).
    `labels` are the numbers of the labelled pictures' classes in the corpus.
    """

    corpus: Corpus
    vectors: NDArray[np.float16]
    sets: dict[str, PictureSet]
    pooled: dict[str, torch.Tensor]
    guesses: dict[str, torch.Tensor]
    labels: dict[str, torch.Tensor]

    def sentences(self, texts: Sequence[int] | NDArray[np.int64]) -> torch.Tensor:
        """Return the sentence model's rows (n, `SENTENCE_DIM`) of texts."""
        return torch.from_numpy(np.asarray(self.vectors[np.asarray(texts)], np.float32))

    def scene_texts(self, scene: int) -> list[int]:
        """Return the numbers of a scene's captions."""
        numbers = self.corpus.numbers
        return [numbers[caption] for caption in self.sets["scenes"].rows[scene]["captions"]]


def prepare_material(
    recipe: Recipe,
    data: Path,
    dictionary: Path,
    cache: Path,
    lower: Lower,
    upper: Upper,
    sentences: Sentences,
    seed: int,
) -> Material:
    """Return the training data: read it, and compute features or load them from the cache."""
    size = recipe.shape.image_size
    sets = {
        name: prepare(name, items, lower, size, cache)
        for name, items in sources(data, recipe.amounts).items()
    }
    scene_captions = (caption for row in sets["scenes"].rows for caption in row["captions"])
    corpus = collect(data, dictionary, scene_captions, recipe.languages, seed)
    vectors = _sentence_vectors(corpus, sentences, cache)
    pooled = {name: pool_all(upper, pictures) for name, pictures in sets.items()}
    with torch.no_grad():
        guesses = {name: upper.classifier(rows).softmax(dim=1) for name, rows in pooled.items()}
    names = list(corpus.classes)
    labels = {
        kind: torch.tensor([names.index(row["label"]) for row in sets[kind].rows])
        for kind in ("caltech", "mini_imagenet")
    }
    log.info("%d texts, %d in other languages", len(corpus.texts), len(corpus.foreign))
    return Material(corpus, vectors, sets, pooled, guesses, labels)


@torch.no_grad()
def pool_all(upper: Upper, pictures: PictureSet, batch: int = 64) -> torch.Tensor:
    """Return the pooled features (n, F) of whole pictures."""
    parts = [
        upper.pool(pictures.batch(slice(start, start + batch)))
        for start in range(0, len(pictures), batch)
    ]
    return torch.cat(parts)


@torch.no_grad()
def embed_all(upper: Upper, pictures: PictureSet, *, mirrored: bool = False) -> torch.Tensor:
    """Return unit rows (n, dim) of whole pictures, or of their mirror images."""
    upper.eval()
    parts = []
    for start in range(0, len(pictures), 64):
        maps = pictures.batch(slice(start, start + 64))
        parts.append(upper.project(upper.pool(maps.flip(3) if mirrored else maps)))
    return torch.cat(parts)


def _sentence_vectors(corpus: Corpus, sentences: Sentences, cache: Path) -> NDArray[np.float16]:
    """Embed all texts, or resume where an interrupted run stopped."""
    path, progress = cache / "sentences.npy", cache / "sentences.json"
    count = len(corpus.texts)
    done = 0
    if progress.exists():
        known = json.loads(progress.read_text(encoding="utf-8"))
        done = known["done"] if known["texts"] == count else 0
    rows = np.lib.format.open_memmap(
        path, "r+" if done else "w+", np.dtype(np.float16), (count, SENTENCE_DIM)
    )
    for start in range(done, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        rows[start:stop] = sentences(corpus.texts[start:stop])
        rows.flush()
        progress.write_text(json.dumps({"texts": count, "done": stop}), encoding="utf-8")
        log.info("%d of %d texts embedded", stop, count)
    return rows


def rate_factor(progress: float, step: int, warmup: int, floor: float = 0.02) -> float:
    """Return the learning-rate factor: linear warm-up, then cosine decay to `floor`."""
    falling = floor + (1 - floor) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
    return min((step + 1) / warmup, 1.0) * falling


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all groups, multiplied by each group's factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


class Average:
    """A moving average of modules' weights, which varies less than the weights themselves."""

    def __init__(self, *modules: nn.Module, longest: float = 0.99) -> None:
        """Start from the current weights; `longest` is the final decay factor."""
        import copy

        self.modules = tuple(copy.deepcopy(module).eval() for module in modules)
        self._sources = modules
        self._longest = longest
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Add the current weights to the average."""
        self._steps += 1
        keep = min(self._longest, self._steps / (self._steps + 20))
        for mean, source in zip(self.modules, self._sources, strict=True):
            for held, now in zip(mean.parameters(), source.parameters(), strict=True):
                held.lerp_(now, 1 - keep)
