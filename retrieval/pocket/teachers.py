"""Teachers: finished checkpoints that agree on more than any one of them knows.

The embeddings of several models side by side rank pictures by the sum of their similarities, and
such an ensemble errs less than its members do. A student of the size of one member learns to give
what the ensemble gives, projected to its own number of dimensions (Allen-Zhu and Li 2023, "Towards
understanding ensemble, knowledge distillation and self-distillation").
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers.conv_bn_act import ConvNormAct
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from retrieval.pocket.corpus import Corpus
from retrieval.pocket.evaluate import Floats, embed_images, embed_texts
from retrieval.pocket.export import WEIGHTS_NAME, load_shape, load_towers
from retrieval.pocket.model import DualEncoder, Heads
from retrieval.pocket.vocabulary import Tokens, Vocabulary

log = logging.getLogger(__name__)

_SEEN = {"flickr8k": 2000, "mini_imagenet": 2000, "scenes": 500}  # pictures that shape the space


@dataclass(frozen=True)
class Teachers:
    """Several models as one: an encoder of pictures, and its embeddings of all training texts."""

    members: tuple[DualEncoder, ...]
    projection: torch.Tensor  # (dims of all members, dim of the student)
    texts: torch.Tensor  # (texts of the corpus, dim) unit rows

    @torch.no_grad()
    def embed_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """(n, 3, H, W) uint8 values as floats → (n, dim) unit rows in the student's space.

        Each looks at the pictures and at their mirror images: what differs is noise.
        """
        pixels = pixels.to(self.projection.device)
        views = [
            view.contiguous(memory_format=torch.channels_last) for view in (pixels, pixels.flip(3))
        ]
        rows = [
            torch.stack([_unit(member.encode_images(view)) for view in views]).sum(dim=0)
            for member in self.members
        ]
        return _unit(torch.cat(rows, dim=1) @ self.projection)


def gather(folders: Sequence[Path], corpus: Corpus, cache: Path, student: DualEncoder) -> Teachers:
    """Load exported checkpoints and lay their common space over the one the student is in now.

    Of the directions of all members side by side those are kept in which texts and pictures vary
    most, as many as the student has; a rotation (Procrustes) brings them as near as it can to what
    the student says already, so that it is not asked to begin by turning everything it knows.
    """
    device = student.class_weights.device
    members = tuple(_load(folder, corpus.vocabulary).to(device) for folder in folders)
    tokens = corpus.texts.tokens
    texts = np.concatenate(
        [_texts_of(m, f, tokens, cache) for m, f in zip(members, folders, strict=True)], axis=1
    )
    sets = {name: n for name, n in _SEEN.items() if name in corpus.sources}
    shown = [corpus.sources[name].pixels[:n] for name, n in sets.items()]
    images = np.concatenate([_views(members, pixels) for pixels in shown])
    sample = np.random.default_rng(0).choice(len(texts), min(len(texts), len(images)), False)
    rows = np.concatenate([images, texts[sample].astype(np.float32)])
    own = np.concatenate(
        [_views((student,), pixels) for pixels in shown] + [embed_texts(student, tokens[sample])]
    )
    projection = torch.from_numpy(common_space(rows, own))
    for member in members:
        _fold_norms(member)
    projected = torch.cat(
        [torch.from_numpy(p).float() @ projection for p in np.array_split(texts, 64)]
    )
    return Teachers(members, projection.to(device), functional.normalize(projected, dim=1))


def common_space(rows: Floats, own: Floats) -> Floats:
    """Project `rows` (n, wide) as near as can be to `own` (n, narrow): (wide, narrow).

    It keeps the `narrow` principal directions (about zero, for cosines are about zero) and rotates
    them: inner products among what is kept are not changed.
    """
    _, vectors = np.linalg.eigh(rows.T @ rows)
    kept = vectors[:, ::-1][:, : own.shape[1]]
    left, _, right = np.linalg.svd((rows @ kept).T @ own, full_matrices=False)
    return np.ascontiguousarray(kept @ (left @ right), dtype=np.float32)


def _unit(rows: torch.Tensor) -> torch.Tensor:
    return functional.normalize(rows.float(), dim=1)


def _load(folder: Path, vocabulary: Vocabulary) -> DualEncoder:
    member = DualEncoder(load_shape(folder), len(vocabulary), Heads())
    load_towers(member, vocabulary, folder)
    return member.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _texts_of(
    member: DualEncoder, folder: Path, tokens: Tokens, cache: Path
) -> NDArray[np.float16]:
    """Embed all training texts, once: a few hundred thousand take minutes."""
    digest = hashlib.sha256((folder / WEIGHTS_NAME).read_bytes() + tokens.tobytes()).hexdigest()
    path = cache / f"said-{digest[:16]}.npy"
    if not path.exists():
        log.info("embedding %d texts by %s", len(tokens), folder)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, embed_texts(member, tokens).astype(np.float16))
    said: NDArray[np.float16] = np.load(path)
    return said


def _views(members: Sequence[DualEncoder], pixels: NDArray[np.uint8]) -> Floats:
    """Embed whole pictures by all members side by side, each at its own size."""
    return np.concatenate(
        [
            np.concatenate(
                [
                    embed_images(member, _resized(part, member.clip.visual.image_size[0]))
                    for part in np.array_split(pixels, max(1, len(pixels) // 250))
                ]
            )
            for member in members
        ],
        axis=1,
    )


def _resized(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    whole = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float()
    scaled = functional.interpolate(whole, (size, size), mode="bilinear", antialias=True)
    return np.asarray(scaled.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy())


def _fold_norms(member: DualEncoder) -> None:
    """Fold batch norm into the convolution before it: a fifth less time, the same numbers."""
    for module in member.clip.visual.modules():
        if isinstance(module, ConvNormAct):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = module.bn.act
