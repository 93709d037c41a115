"""Score a checkpoint as open_clip loads it: `python -m retrieval.pocket.scores --data DIR`.

This uses nothing of the trainer, so it measures what a user gets.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import open_clip
import torch
from PIL import Image
from torch.nn import functional

from retrieval.encoders.models.references import built_in_folder
from retrieval.pocket.measures import Floats, precision_at, recall_at
from retrieval.pocket.shards import read_pictures, read_rows
from retrieval.scenes import scene_set
from retrieval.scenes.captions import CAPTION_CONTENTS

Scores = dict[str, float]
SCENES = 200
SCENE_SETS = (0, 1, 2)


class Embedder(Protocol):
    """A model to score: it embeds pictures and texts as unit rows of one space."""

    def images(self, pictures: Sequence[Image.Image]) -> Floats:
        """Embed pictures, (n, dim)."""
        ...

    def texts(self, texts: Sequence[str]) -> Floats:
        """Embed texts, (n, dim)."""
        ...


@dataclass(frozen=True)
class Scorer:
    """An open_clip model with its own transform and tokenizer."""

    model: Any
    transform: Callable[[Image.Image], torch.Tensor]
    tokenizer: Callable[[list[str]], torch.Tensor]

    @classmethod
    def load(cls, folder: Path, resize_mode: str | None = None) -> Scorer:
        """Load a checkpoint folder; `resize_mode` overrides that of its preprocessing."""
        name = f"local-dir:{folder}"
        model, preprocess = open_clip.create_model_from_pretrained(
            name, image_resize_mode=resize_mode
        )
        return cls(model.eval(), preprocess, open_clip.get_tokenizer(name))

    # Batches are small: tensors of many megabytes are mapped and unmapped by the allocator each
    # time, which costs half of the time.

    @torch.no_grad()
    def images(self, pictures: Sequence[Image.Image], batch: int = 4) -> Floats:
        """Embed pictures as unit rows."""
        out = []
        for start in range(0, len(pictures), batch):
            pixels = torch.stack([self.transform(p) for p in pictures[start : start + batch]])
            out.append(functional.normalize(self.model.encode_image(pixels), dim=1).numpy())
        return np.concatenate(out)

    @torch.no_grad()
    def texts(self, texts: Sequence[str], batch: int = 32) -> Floats:
        """Embed texts as unit rows."""
        out = []
        for start in range(0, len(texts), batch):
            tokens = self.tokenizer(list(texts[start : start + batch]))
            out.append(functional.normalize(self.model.encode_text(tokens), dim=1).numpy())
        return np.concatenate(out)


def flickr8k(scorer: Embedder, data: Path, width: float = 1.0) -> Scores:
    """Score the development set with five captions per picture, pictures stretched by `width`."""
    folder = data / "flickr8k-dev"
    rows = read_rows(folder / "captions.jsonl")
    pictures = [_stretched(folder / row["file"], width) for row in rows]
    images = scorer.images(pictures)
    texts = scorer.texts([caption for row in rows for caption in row["captions"]])
    found = {f"text→image R@{k}": recall_at(images, texts, k) for k in (1, 5, 10)}
    return found | {f"image→text R@{k}": _image_to_text(images, texts, k) for k in (1, 5, 10)}


def class_names(scorer: Embedder, shard: Path, split: str) -> Scores:
    """Score searches for each class by "a photo of a NAME", and classification by these texts."""
    items = [(row, blob) for row, blob in read_pictures(shard) if row["split"] == split]
    names = list(dict.fromkeys(row["label"] for row, _ in items))
    images = scorer.images([Image.open(BytesIO(blob)).convert("RGB") for _, blob in items])
    classes = scorer.texts([f"a photo of a {name.lower()}" for name in names])
    labels = [names.index(row["label"]) for row, _ in items]
    right = (images @ classes.T).argmax(axis=1) == np.asarray(labels)
    precision = precision_at(images, classes, labels, 10)
    return {"precision@10": precision, "top-1": float(right.mean())}


def scenes(scorer: Embedder, sets: Sequence[int] = SCENE_SETS) -> Scores:
    """Search sets of held-out scenes by the captions that describe only one scene of their set.

    Scores are the shares of captions that rank their own scene first: of the captions of all sets,
    and of those with the same content (`CAPTION_CONTENTS`).
    """
    outcomes = [outcome for number in sets for outcome in _scene_set(scorer, number)]
    scores = {"unique captions R@1": float(np.mean([right for _, right in outcomes]))}
    for content in CAPTION_CONTENTS:
        if matching := [right for other, right in outcomes if other == content]:
            scores[f"captions of {content} R@1"] = float(np.mean(matching))
    return scores


def _scene_set(scorer: Embedder, number: int) -> list[tuple[str, bool]]:
    """Search a set by its captions; return each one's content and whether it found its scene."""
    members = list(scene_set(SCENES, number, size=192))
    images = scorer.images([member.scene.image for member in members])
    queries = [
        (row, caption, content)
        for row, member in enumerate(members)
        for caption, unique, content in zip(
            member.scene.captions, member.unique, CAPTION_CONTENTS, strict=False
        )
        if unique
    ]
    similar = scorer.texts([caption for _, caption, _ in queries]) @ images.T
    own = similar[np.arange(len(queries)), [row for row, _, _ in queries]]
    first = (similar >= own[:, None]).sum(axis=1) == 1  # a tie counts as a miss
    return [(content, bool(right)) for (_, _, content), right in zip(queries, first, strict=True)]


def all_scores(folder: Path, data: Path) -> dict[str, Scores]:
    """Compute all scores of the model card."""
    squash, shortest = Scorer.load(folder), Scorer.load(folder, "shortest")
    train = data / "train"
    return {
        "flickr8k dev": flickr8k(squash, data),
        "flickr8k dev, 3:2": flickr8k(squash, data, 1.5),
        "flickr8k dev, 3:2, shortest": flickr8k(shortest, data, 1.5),
        "caltech101 test": class_names(squash, train / "caltech101_112.bin", "test"),
        "mini-imagenet val": class_names(squash, train / "mini_imagenet_val_84.bin", "val"),
        "scenes": scenes(squash),
    }


def _stretched(path: Path, width: float) -> Image.Image:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    size = (round(picture.width * width), picture.height)
    return picture if width == 1.0 else picture.resize(size, Image.Resampling.BICUBIC)


def _image_to_text(images: Floats, texts: Floats, depth: int) -> float:
    """Return the share of pictures with one of their own texts among the `depth` nearest."""
    each = len(texts) // len(images)
    nearest = np.argsort(-(images @ texts.T), axis=1)[:, :depth] // each
    return float((nearest == np.arange(len(images))[:, None]).any(axis=1).mean())


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and print the scores as JSON."""
    parser = argparse.ArgumentParser(description="Score a pocket model checkpoint.")
    parser.add_argument("--data", type=Path, default=os.environ.get("PIXTRIEVE_DATA"))
    parser.add_argument("--model", type=Path, default=built_in_folder())
    chosen = parser.parse_args(arguments)
    found = all_scores(chosen.model, chosen.data)
    sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
