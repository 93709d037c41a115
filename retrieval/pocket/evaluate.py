"""What training watches: retrieval on the development set; the measures behind all scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from retrieval.pocket.model import DualEncoder
from retrieval.pocket.pictures import Pixels, decode
from retrieval.pocket.precision import half_precision
from retrieval.pocket.shards import read_rows
from retrieval.pocket.vocabulary import Tokens, Vocabulary, tokenize

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Development:
    """Pictures with five captions each; caption i belongs to picture i // 5."""

    pixels: Pixels
    tokens: Tokens


def load_development(data: Path, size: int, vocabulary: Vocabulary) -> Development:
    """Load the Flickr8k development pictures, squashed to `size`, and their English captions."""
    folder = data / "flickr8k-dev"
    rows = read_rows(folder / "captions.jsonl")
    pixels = np.stack([decode((folder / row["file"]).read_bytes(), size) for row in rows])
    captions = [caption for row in rows for caption in row["captions"]]
    return Development(pixels, vocabulary.compact_known(tokenize(captions)))


def recall_at(images: Floats, texts: Floats, depth: int) -> float:
    """Take the share of texts whose own picture is among the `depth` nearest.

    Text i belongs to picture i // (texts per picture). A tie counts against us.
    """
    scores = texts @ images.T
    own = np.arange(len(texts)) // (len(texts) // len(images))
    own_scores = scores[np.arange(len(texts)), own]
    rank = (scores >= own_scores[:, None]).sum(axis=1)
    return float((rank <= depth).mean())


def precision_at(images: Floats, classes: Floats, labels: Sequence[int], depth: int) -> float:
    """Take the mean share of right pictures among the `depth` nearest to a class."""
    nearest = np.argsort(-(classes @ images.T), axis=1)[:, :depth]
    right = np.asarray(labels)[nearest] == np.arange(len(classes))[:, None]
    return float(right.mean())


@torch.no_grad()
def embed_images(model: DualEncoder, pixels: Pixels, batch: int = 250) -> Floats:
    """Embed uint8 pictures as unit rows, with batch norm in evaluation mode."""
    model.eval()
    device = model.class_weights.device
    out = []
    for start in range(0, len(pixels), batch):
        part = torch.from_numpy(np.ascontiguousarray(pixels[start : start + batch])).to(device)
        chw = part.permute(0, 3, 1, 2).float()
        with half_precision(device.type, device.type == "cuda"):
            features = model.encode_images(chw)
        out.append(functional.normalize(features.float(), dim=1).cpu().numpy())
    return np.concatenate(out)


@torch.no_grad()
def embed_texts(model: DualEncoder, tokens: Tokens, batch: int = 500) -> Floats:
    """Embed compact token rows as unit rows."""
    model.eval()
    device = model.class_weights.device
    out = np.empty((len(tokens), model.class_weights.shape[1]), np.float32)
    # Short texts with short ones: a batch costs as much as its longest text.
    order = np.argsort(tokens.argmax(axis=1), kind="stable")
    for start in range(0, len(tokens), batch):
        places = order[start : start + batch]
        part = torch.from_numpy(tokens[places]).long().to(device)
        with half_precision(device.type, device.type == "cuda"):
            out[places] = model.encode_texts(part).cpu().numpy()
    return out


def development_recall(model: DualEncoder, development: Development) -> float:
    """Measure text→image R@10 on the development set."""
    images = embed_images(model, development.pixels)
    return recall_at(images, embed_texts(model, development.tokens), 10)
