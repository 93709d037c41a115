"""Losses on drawn scenes, of which is known what is true of them and what is not."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from retrieval.pocket import losses
from retrieval.pocket.batches import SCENES, PictureBatch
from retrieval.pocket.lesson import Lesson, heard
from retrieval.pocket.model import DualEncoder
from retrieval.pocket.scene_pictures import true_of


def scene_loss(
    model: DualEncoder,
    lesson: Lesson,
    batch: PictureBatch,
    features: torch.Tensor,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Contrast drawn scenes with captions of each, by what is true and not by what belongs.

    "A blue ship" was written for one scene and is true of others, too.
    """
    rows = batch.parts[SCENES]
    groups = batch.groups[rows]
    owners = np.tile(groups, lesson.recipe.scene_captions)
    places = lesson.corpus.texts.draw_places(owners, rng)
    texts = model.encode_texts(heard(model, lesson, lesson.corpus.texts.tokens[places], rng))
    truth = truth_of(lesson, groups, owners, places)
    images = functional.normalize(features[rows], dim=1)
    targets = losses.truth_targets(truth).to(images.device)
    return losses.contrastive(images, texts, model.scale(), targets)


def claims_loss(
    model: DualEncoder, lesson: Lesson, batch: PictureBatch, features: torch.Tensor
) -> torch.Tensor:
    """Ask drawn scenes for all that is true of them, at equal parts.

    A caption names two or three things among a few dozen other captions; here each thing, colour
    and number has to stand out from all that there are.
    """
    rows = batch.parts[SCENES]
    corpus = lesson.corpus
    scenes = batch.groups[rows] - corpus.sources[SCENES].groups[0]
    true = torch.from_numpy(corpus.scene_claims[scenes]).float().to(features.device)
    return losses.soft_cross_entropy(model.claims(features[rows]), losses.truth_targets(true))


def truth_of(
    lesson: Lesson,
    scenes: NDArray[np.int64],
    owners: NDArray[np.int64],
    places: NDArray[np.int64],
) -> torch.Tensor:
    """Tell (scenes, captions) which captions are true of which scenes, both by their groups."""
    corpus = lesson.corpus
    first = corpus.sources[SCENES].groups[0]
    captions = zip(
        corpus.scene_seeds[owners - first], places - corpus.texts.starts[owners], strict=True
    )
    return torch.from_numpy(true_of(corpus.scene_seeds[scenes - first], list(captions))).float()
