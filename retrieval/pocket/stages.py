"""One training step: draw a batch, compute the losses of the stage, sum them by weight."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from retrieval.pocket import losses
from retrieval.pocket.batches import SCENES, Blend, PictureBatch, draw_batch
from retrieval.pocket.imitation import imitation_losses, looked
from retrieval.pocket.lesson import Lesson, heard
from retrieval.pocket.model import DualEncoder
from retrieval.pocket.recipe import Stage
from retrieval.pocket.scene_losses import claims_loss, scene_loss, truth_of


def step_losses(
    model: DualEncoder, lesson: Lesson, stage: Stage, step: int, size: int, seed: int
) -> dict[str, torch.Tensor]:
    """Compute the losses of one step by name, unweighted."""
    kind = crc32(stage.name.encode())
    rng = np.random.default_rng((seed, kind, step, 1))
    found: dict[str, torch.Tensor] = {}
    if stage.weights.text_pairs and step % stage.text_every == 0:
        found["text_pairs"] = _text_pairs(model, lesson, stage, rng)
    if stage.weights.all_names:
        found["all_names"] = _all_names(model, lesson, stage, rng)
    if stage.weights.keep:
        found["keep"] = _keep(model, lesson, stage, rng)
    if stage.shares:
        view, again = stage.view(step)
        look = np.random.default_rng((seed, kind, view, 0))
        batch = draw_batch(lesson.corpus, stage.shares, size, view, look, stage.augmentation)
        pixels = batch.pixels.to(model.class_weights.device, memory_format=torch.channels_last)
        features = model.encode_images(pixels).float()
        if stage.weights.mimicry:
            shown = looked(lesson, batch, (view, size), again)
            found |= imitation_losses(model, lesson, stage, batch, features, shown, rng)
        if stage.weights.scenes:
            found["scenes"] = scene_loss(model, lesson, batch, features, rng)
        if stage.weights.claims:
            found["claims"] = claims_loss(model, lesson, batch, features)
        if batch.captioned and stage.weights.pictures:
            found |= _captioned(model, lesson, batch, features[: batch.captioned], rng)
        if batch.captioned < len(batch.groups) and stage.weights.labels:
            found |= _classes(model, lesson, stage, batch, features[batch.captioned :], rng)
    return found


def _text_pairs(
    model: DualEncoder, lesson: Lesson, stage: Stage, rng: np.random.Generator
) -> torch.Tensor:
    groups = rng.choice(lesson.caption_groups, stage.text_groups, replace=False)
    one, other = lesson.corpus.texts.draw_pairs(groups, rng)
    vectors = model.encode_texts(heard(model, lesson, np.concatenate([one, other]), rng))
    targets = losses.pair_targets(torch.from_numpy(groups)).to(vectors.device)
    half = len(groups)
    return losses.contrastive(vectors[:half], vectors[half:], model.scale(), targets)


def _all_names(
    model: DualEncoder, lesson: Lesson, stage: Stage, rng: np.random.Generator
) -> torch.Tensor:
    """Pull the prompts of classes to the class vectors that pictures have shaped."""
    classes = rng.choice(lesson.corpus.class_count, stage.text_groups, replace=False)
    texts = torch.from_numpy(lesson.corpus.texts.draw(classes, rng)).long()
    prompts = model.encode_texts(texts.to(model.class_weights.device))
    own = functional.normalize(model.class_weights[classes], dim=1).detach()
    return model.scale().detach() * (1 - (prompts * own).sum(dim=1)).mean()


def _keep(
    model: DualEncoder, lesson: Lesson, stage: Stage, rng: np.random.Generator
) -> torch.Tensor:
    """Hold captions where the text tower put them when the stage began."""
    captions = lesson.corpus.texts.draw(rng.choice(lesson.caption_groups, stage.text_groups), rng)
    texts = torch.from_numpy(captions).long().to(model.class_weights.device)
    with torch.no_grad():
        before = lesson.first.encode_texts(texts)
    return model.scale().detach() * (1 - (model.encode_texts(texts) * before).sum(dim=1)).mean()


def _captioned(
    model: DualEncoder,
    lesson: Lesson,
    batch: PictureBatch,
    features: torch.Tensor,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    groups, recipe = batch.groups[: batch.captioned], lesson.recipe
    places = lesson.corpus.texts.draw_places(groups, rng)
    texts = lesson.corpus.texts.tokens[places]
    targets = losses.pair_targets(torch.from_numpy(groups)).to(features.device)
    if drawn := batch.parts.get(SCENES):
        truth = truth_of(lesson, groups[drawn], groups[drawn], places[drawn])
        targets[drawn, drawn] = losses.truth_targets(truth).to(features.device)
    # Only photographs are softened: a scene differs from its neighbour by a colour or a count, and
    # that is what it must teach.
    share = torch.zeros(len(groups), 1, device=features.device)
    share[: batch.photos] = recipe.soft_share
    teacher = lesson.teacher[torch.from_numpy(groups)].to(features.device)
    targets = losses.soften(targets, teacher, share, recipe.soft_temperature)
    vectors = model.encode_texts(heard(model, lesson, texts, rng))
    words = torch.from_numpy(lesson.word_targets[groups]).float().to(features.device)
    for rows in (targets, words):
        rows[: batch.photos] = batch.blend.of(rows[: batch.photos])
    found = {
        "pictures": losses.contrastive(
            functional.normalize(features, dim=1), vectors, model.scale(), targets
        ),
        "words": losses.soft_cross_entropy(model.words(features), words),
    }
    if batch.photos:
        photos = functional.normalize(features[: batch.photos], dim=1)
        found["bank"] = _bank(model, lesson, photos, teacher[: batch.photos], batch.blend)
    return found


def _bank(
    model: DualEncoder, lesson: Lesson, photos: torch.Tensor, own: torch.Tensor, blend: Blend
) -> torch.Tensor:
    """Tell each photograph from all captioned photographs at once, by the teacher's text vectors.

    A batch shows a photograph about a hundred captions; the bank shows it thousands at the price of
    one matrix product, because the teacher's vectors are fixed.
    """
    bank = lesson.photo_bank.to(photos.device)
    sharp = functional.softmax(own @ bank.T / lesson.recipe.soft_temperature, dim=1)
    return losses.soft_cross_entropy(model.scale() * photos @ bank.T, blend.of(sharp))


def _classes(
    model: DualEncoder,
    lesson: Lesson,
    stage: Stage,
    batch: PictureBatch,
    features: torch.Tensor,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    groups = batch.groups[batch.captioned :]
    images = functional.normalize(features, dim=1)
    heads = functional.normalize(model.class_weights, dim=1)
    labels = _blended_labels(groups, len(heads), batch.class_blend).to(images.device)
    found = {"labels": losses.label_loss(images, labels, heads, model.scale())}
    if stage.weights.prompts:
        present, columns = np.unique(groups, return_inverse=True)
        texts = lesson.corpus.texts.draw(present, rng)
        prompts = model.encode_texts(torch.from_numpy(texts).long().to(images.device))
        places = _blended_labels(columns, len(present), batch.class_blend).to(images.device)
        found["prompts"] = losses.label_loss(images, places, prompts, model.scale())
        own = heads[torch.from_numpy(present).to(images.device)].detach()
        found["names"] = model.scale() * (1 - (prompts * own).sum(dim=1)).mean()
    return found


def _blended_labels(labels: NDArray[np.int64], classes: int, blend: Blend) -> torch.Tensor:
    """Turn labels into rows over the classes, blended as their pictures were."""
    return blend.of(functional.one_hot(torch.from_numpy(labels), classes).float())
