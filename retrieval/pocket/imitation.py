"""Losses of a student that imitates: to say of pictures and texts what its teachers say."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from retrieval.pocket import losses
from retrieval.pocket.batches import SCENES, PictureBatch
from retrieval.pocket.lesson import Lesson, heard
from retrieval.pocket.model import DualEncoder
from retrieval.pocket.recipe import Stage


def imitation_losses(
    model: DualEncoder,
    lesson: Lesson,
    stage: Stage,
    batch: PictureBatch,
    features: torch.Tensor,
    shown: torch.Tensor,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    """Give each picture and text the place that the teachers give it.

    The teachers see the very crop, blend and all, that the student sees: two blended pictures are a
    picture that neither has learned by heart (Beyer et al. 2022, "A good teacher is patient and
    consistent"). Half of the texts belong to the pictures of the batch. What scenes show and their
    captions say is left out: it is known without teachers.
    """
    device, corpus = features.device, lesson.corpus
    taught = _taught(batch)
    images = functional.normalize(features[taught.to(device)], dim=1)
    shown = shown.to(device)
    half = stage.text_groups // 2
    groups = [
        rng.choice(batch.groups[taught.numpy()], half),
        rng.choice(lesson.taught_groups, half),
    ]
    places = corpus.texts.draw_places(np.concatenate(groups), rng)
    texts = model.encode_texts(heard(model, lesson, corpus.texts.tokens[places], rng))
    said = lesson.imitated.texts[places].to(device)
    others = rng.choice(lesson.taught_places, lesson.recipe.bank)
    bank = torch.cat([said, lesson.imitated.texts[others].to(device)])
    scale = lesson.recipe.affinity_scale
    return {
        "mimicry": losses.mimicry(images, shown) + losses.mimicry(texts, said),
        "affinity": losses.affinity(images, shown, bank, scale)
        + losses.affinity(texts, said, shown, scale),
    }


def looked(lesson: Lesson, batch: PictureBatch, view: tuple[int, int], again: bool) -> torch.Tensor:
    """Ask the teachers about the pictures that they teach, once for each view."""
    shown = lesson.looked.pop(view, None)
    if shown is None:
        shown = lesson.imitated.embed_images(batch.pixels[_taught(batch)])
    if again:
        lesson.looked[view] = shown
    return shown


def _taught(batch: PictureBatch) -> torch.Tensor:
    """Mark the pictures that teachers are asked about: all but the scenes."""
    rows = torch.ones(len(batch.groups), dtype=torch.bool)
    rows[batch.parts.get(SCENES, slice(0))] = False
    return rows
