"""One training step: draw a batch, compute the losses of the stage, sum them by weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from retrieval.pocket import losses
from retrieval.pocket.batches import PHOTOS, SCENES, Blend, PictureBatch, draw_batch
from retrieval.pocket.corpus import Corpus
from retrieval.pocket.model import DualEncoder
from retrieval.pocket.recipe import Recipe, Stage
from retrieval.pocket.scene_pictures import true_of
from retrieval.pocket.teachers import Teachers
from retrieval.pocket.vocabulary import Tokens, drop_words


@dataclass(frozen=True)
class Lesson:
    """What a step needs besides the model: data, recipe, the teacher and word targets."""

    corpus: Corpus
    recipe: Recipe
    teacher: torch.Tensor  # (groups, dim) unit rows: mean text vector of each group
    word_targets: NDArray[np.float16]  # (groups, words) weights that sum to 1, or to 0 if no word
    caption_groups: NDArray[np.int64]  # the groups that losses on captions alone draw from
    first: DualEncoder  # the averaged model as it was when the stage began, or was resumed
    teachers: Teachers | None  # the finished models of a stage that imitates
    looked: dict[tuple[int, int], torch.Tensor] = field(default_factory=dict)
    """What the teachers made of a view at a size, kept while the view comes up again."""

    @property
    def imitated(self) -> Teachers:
        """The teachers, where the stage cannot do without."""
        if self.teachers is None:
            raise ValueError("a stage that imitates needs teachers, and there are none")
        return self.teachers

    @property
    def photo_bank(self) -> torch.Tensor:
        """The teacher's vectors of all captioned photographs."""
        return self.teacher[torch.from_numpy(self.corpus.sources[PHOTOS].groups)]


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
            shown = _looked(lesson, batch, (view, size), again)
            found |= _imitated(model, lesson, stage, batch, features, shown, rng)
        if stage.weights.scenes:
            found["scenes"] = _scenes(model, lesson, batch, features, rng)
        if stage.weights.claims:
            found["claims"] = _claims(model, lesson, batch, features)
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
    vectors = model.encode_texts(_heard(model, lesson, np.concatenate([one, other]), rng))
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


def _looked(
    lesson: Lesson, batch: PictureBatch, view: tuple[int, int], again: bool
) -> torch.Tensor:
    """Ask the teachers about all pictures but the scenes, once for each view."""
    shown = lesson.looked.pop(view, None)
    if shown is None:
        shown = lesson.imitated.embed_images(batch.pixels[_taught(batch)])
    if again:
        lesson.looked[view] = shown
    return shown


def _taught(batch: PictureBatch) -> torch.Tensor:
    """Mark the pictures that teachers are asked about: what scenes show is known without them."""
    rows = torch.ones(len(batch.groups), dtype=torch.bool)
    rows[batch.parts.get(SCENES, slice(0))] = False
    return rows


def _imitated(
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
    consistent"). Half of the texts belong to the pictures of the batch.
    """
    device, corpus = features.device, lesson.corpus
    images = functional.normalize(features[_taught(batch).to(device)], dim=1)
    shown = shown.to(device)
    half = stage.text_groups // 2
    groups = [rng.choice(batch.groups, half), rng.choice(lesson.caption_groups, half)]
    places = corpus.texts.draw_places(np.concatenate(groups), rng)
    texts = model.encode_texts(_heard(model, lesson, corpus.texts.tokens[places], rng))
    said = lesson.imitated.texts[places].to(device)
    others = rng.integers(len(corpus.texts.tokens), size=lesson.recipe.bank)
    bank = torch.cat([said, lesson.imitated.texts[others].to(device)])
    scale = lesson.recipe.affinity_scale
    return {
        "mimicry": losses.mimicry(images, shown) + losses.mimicry(texts, said),
        "affinity": losses.affinity(images, shown, bank, scale)
        + losses.affinity(texts, said, shown, scale),
    }


def _scenes(
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
    texts = model.encode_texts(_heard(model, lesson, lesson.corpus.texts.tokens[places], rng))
    truth = _truth(lesson, groups, owners, places)
    images = functional.normalize(features[rows], dim=1)
    targets = losses.truth_targets(truth).to(images.device)
    return losses.contrastive(images, texts, model.scale(), targets)


def _claims(
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


def _truth(
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
        truth = _truth(lesson, groups[drawn], groups[drawn], places[drawn])
        targets[drawn, drawn] = losses.truth_targets(truth).to(features.device)
    # Only photographs are softened: a scene differs from its neighbour by a colour or a count, and
    # that is what it must teach.
    share = torch.zeros(len(groups), 1, device=features.device)
    share[: batch.photos] = recipe.soft_share
    teacher = lesson.teacher[torch.from_numpy(groups)].to(features.device)
    targets = losses.soften(targets, teacher, share, recipe.soft_temperature)
    vectors = model.encode_texts(_heard(model, lesson, texts, rng))
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


def _heard(
    model: DualEncoder, lesson: Lesson, tokens: Tokens, rng: np.random.Generator
) -> torch.Tensor:
    """Tokens as the text tower is to hear them in training: with gaps, and not too long."""
    recipe = lesson.recipe
    tokens = drop_words(tokens, recipe.word_dropout, rng, recipe.longest_text)
    return torch.from_numpy(tokens).long().to(model.class_weights.device)
