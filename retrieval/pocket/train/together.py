"""Stage 4: the text tower learns where pictures lie, and goes on with all texts there are.

Pictures stand still here. For every text it is known where it belongs: beside what the head says of
the sentence model's row, and near the pictures that it describes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.pocket.train.imitation import (
    Reading,
    meant,
    optimizer_of,
    pools_of,
    take_step,
)
from retrieval.pocket.train.losses import cross_entropy, mimicry, relations, shares
from retrieval.pocket.train.material import Average, Material, embed_all, rate_factor, set_rate
from retrieval.pocket.train.picture_stages import Space
from retrieval.pocket.train.pictures import NEIGHBOURS
from retrieval.pocket.train.recipe import Together
from retrieval.pocket.train.towers import Shape, TextTower, Upper
from retrieval.pocket.train.truth import true_of

log = logging.getLogger(__name__)

Places = NDArray[np.int64]

_SCENES_BESIDE = 800
_PHOTOGRAPHS_BESIDE = 1500
_NEIGHBOURHOODS = 90  # of scenes, among which a caption of a scene has to find what it describes
_FITTED = 20_000
_WEIGHTS = {
    "mimicry": 4.0,
    "relations": 0.25,
    "captions": 0.35,
    "foreign captions": 0.2,
    "keywords": 0.6,
    "classes": 0.12,
    "scenes": 0.4,
}


@dataclass(frozen=True)
class Gallery:
    """Unit rows of all training pictures: photographs plain and mirrored, scenes, labelled ones."""

    photographs: tuple[torch.Tensor, torch.Tensor]
    scenes: torch.Tensor
    labelled: torch.Tensor
    labels: torch.Tensor  # (labelled,) places among the corpus' classes

    @classmethod
    def of(cls, material: Material, upper: Upper) -> Gallery:
        """Embed everything."""
        sets = material.sets
        photographs = sets["photographs"]
        kinds = ("caltech", "mini_imagenet")
        return cls(
            (embed_all(upper, photographs), embed_all(upper, photographs, mirrored=True)),
            embed_all(upper, sets["scenes"]),
            torch.cat([embed_all(upper, sets[kind]) for kind in kinds]),
            torch.cat([material.labels[kind] for kind in kinds]),
        )


def towards(
    material: Material, reading: Reading, tower: TextTower, space: Space, shape: Shape, seed: int
) -> TextTower:
    """Return the tower with a projection into the space of pictures, by least squares."""
    rng = np.random.default_rng((seed, 4))
    count = len(material.corpus.texts)
    texts = rng.choice(count, min(_FITTED, count), replace=False)
    turned = TextTower(shape, len(reading.vocabulary), shape.dim)
    state = {k: v for k, v in tower.state_dict().items() if k != "projection"}
    turned.load_state_dict(state, strict=False)
    with torch.no_grad():
        tokens = reading.texts[texts]
        ends = torch.from_numpy(reading.vocabulary.ends(tokens))
        rows = torch.cat(
            [
                tower.features(torch.from_numpy(tokens[part]).long(), ends[part])
                for part in np.array_split(np.arange(len(tokens)), max(len(tokens) // 500, 1))
            ]
        )
        wanted = space.eval().sentences(material.sentences(texts))
        ridge = rows.T @ rows + 0.1 * torch.eye(rows.shape[1])
        turned.projection.copy_(torch.linalg.solve(ridge, rows.T @ wanted) * 10)
    return turned


class Lesson:
    """Draws texts and takes the losses."""

    def __init__(
        self,
        material: Material,
        reading: Reading,
        gallery: Gallery,
        space: Space,
        sizes: Together,
        rng: np.random.Generator,
    ) -> None:
        self.material, self.reading, self.gallery = material, reading, gallery
        self.space, self.sizes, self.rng = space.eval(), sizes, rng
        corpus = material.corpus
        self._captions = np.array([text for texts in corpus.captions for text in texts])
        counts = [len(texts) for texts in corpus.captions]
        self._owners = np.repeat(np.arange(len(counts)), counts)
        self._shows = torch.from_numpy(corpus.shows)
        self._pools = pools_of(corpus.kinds, sizes.others)
        self._foreign_photo = np.array(corpus.foreign_photo, np.int64)
        self._classes = list(corpus.classes.values())
        with torch.no_grad():
            self._scale, self._name_scale = (float(scale) for scale in space.scales())

    def _pick(self, count: int, wanted: int) -> Places:
        return self.rng.choice(count, min(wanted, count), replace=False)

    def loss(self, tower: TextTower) -> torch.Tensor:
        """Draw a batch, embed it in one go, and return the weighted sum of all losses."""
        sizes, corpus, rng = self.sizes, self.material.corpus, self.rng
        captions = self._pick(len(self._captions), sizes.captions)
        others = np.concatenate(
            [rng.choice(pool, sizes.others[kind]) for kind, pool in self._pools.items()]
        )
        foreign = self._pick(len(corpus.foreign), sizes.foreign)
        keywords = self._pick(len(corpus.keywords), sizes.keywords)
        classes = self._pick(len(self._classes), sizes.classes)
        scenes = self._pick(len(self.gallery.scenes), sizes.scenes)
        told = [self.material.scene_texts(scene) for scene in scenes]
        places = [int(rng.integers(len(texts))) for texts in told]
        texts = [
            self._captions[captions],
            others,
            np.array([rng.choice(corpus.asked[word]) for word in keywords], np.int64),
            np.array([rng.choice(self._classes[label]) for label in classes], np.int64),
            np.array([each[place] for each, place in zip(told, places, strict=True)], np.int64),
        ]
        tokens = [self.reading.texts[np.concatenate(texts)], self.reading.foreign[foreign]]
        rows = self.reading.embed(tower, np.concatenate(tokens))
        said, asked_others, words, names, drawn, abroad = torch.split(
            rows, [*map(len, texts), len(foreign)]
        )
        with torch.no_grad():
            wanted = self.space.sentences(self.material.sentences(np.concatenate(texts[:2])))
            wanted_abroad = self.space.sentences(meant(self.material, foreign))
        learned = torch.cat([said, asked_others, abroad])
        goals = torch.cat([wanted, wanted_abroad])
        photographs = self.gallery.photographs[rng.integers(2)]
        losses = {
            "mimicry": mimicry(learned, goals),
            "relations": relations(learned, goals),
            "captions": self._captions_loss(said, wanted, self._owners[captions], photographs),
            "foreign captions": self._foreign_loss(abroad, wanted_abroad, foreign, photographs),
            "keywords": self._keywords_loss(words, keywords, photographs),
            "classes": self._classes_loss(names, classes, photographs),
            "scenes": self._scenes_loss(drawn, scenes, places),
        }
        return torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()

    def _captions_loss(
        self, rows: torch.Tensor, wanted: torch.Tensor, owners: Places, photographs: torch.Tensor
    ) -> torch.Tensor:
        """Captions find their photographs among all, half as the teachers would rank them."""
        beside = self.gallery.scenes[self._pick(len(self.gallery.scenes), _SCENES_BESIDE)]
        return self._found(rows, wanted[: len(rows)], owners, torch.cat([photographs, beside]))

    def _foreign_loss(
        self, rows: torch.Tensor, wanted: torch.Tensor, foreign: Places, photographs: torch.Tensor
    ) -> torch.Tensor:
        owners = self._foreign_photo[foreign]
        here = np.flatnonzero(owners >= 0)
        if not len(here):
            return torch.zeros(())
        return self._found(rows[here], wanted[here], owners[here], photographs)

    def _found(
        self, rows: torch.Tensor, wanted: torch.Tensor, owners: Places, pictures: torch.Tensor
    ) -> torch.Tensor:
        targets = (self._scale * wanted @ pictures.T).softmax(dim=1) / 2
        targets[torch.arange(len(rows)), torch.from_numpy(owners)] += 0.5
        return cross_entropy(self._scale * rows @ pictures.T, targets).mean()

    def _keywords_loss(
        self, rows: torch.Tensor, keywords: Places, photographs: torch.Tensor
    ) -> torch.Tensor:
        """Words find the photographs that show them, and no drawing."""
        beside = self.gallery.scenes[self._pick(len(self.gallery.scenes), _SCENES_BESIDE)]
        shows = shares(self._shows[:, keywords].T)
        targets = torch.cat([shows, torch.zeros(len(rows), len(beside))], dim=1)
        pictures = torch.cat([photographs, beside])
        return cross_entropy(self._name_scale * rows @ pictures.T, targets).mean()

    def _classes_loss(
        self, rows: torch.Tensor, classes: Places, photographs: torch.Tensor
    ) -> torch.Tensor:
        """Names of classes find their pictures among labelled ones and photographs."""
        labelled = self.gallery.labelled
        beside = photographs[self._pick(len(photographs), _PHOTOGRAPHS_BESIDE)]
        right = (self.gallery.labels[None] == torch.from_numpy(classes)[:, None]).float()
        targets = torch.cat([right, torch.zeros(len(rows), len(beside))], dim=1)
        some = targets.sum(dim=1) > 0
        logits = self._name_scale * rows[some] @ torch.cat([labelled, beside]).T
        return cross_entropy(logits, shares(targets[some])).mean()

    def _scenes_loss(self, rows: torch.Tensor, scenes: Places, places: list[int]) -> torch.Tensor:
        """Captions of scenes find all scenes of which they are true, among much alike ones."""
        count = len(self.gallery.scenes) // NEIGHBOURS
        around = np.concatenate([self._pick(count, _NEIGHBOURHOODS), scenes // NEIGHBOURS])
        around = around[around < count]
        near = (np.unique(around)[:, None] * NEIGHBOURS + np.arange(NEIGHBOURS)).ravel()
        near = np.union1d(near, scenes)
        rows_of = self.material.sets["scenes"].rows
        seeds = [rows_of[scene]["seed"] for scene in near]
        written = [(rows_of[s]["seed"], p) for s, p in zip(scenes, places, strict=True)]
        truth = torch.from_numpy(true_of(seeds, written)).float().T
        logits = self._scale * rows @ self.gallery.scenes[near].T
        return cross_entropy(logits, shares(truth)).mean()


def learn_together(
    material: Material,
    reading: Reading,
    tower: TextTower,
    upper: Upper,
    space: Space,
    sizes: Together,
    seed: int,
) -> TextTower:
    """Train the text tower; return the average of its weights."""
    gallery = Gallery.of(material, upper)
    rng = np.random.default_rng((seed, 5))
    lesson = Lesson(material, reading, gallery, space, sizes, rng)
    optimizer = optimizer_of(tower, sizes.rate)
    average = Average(tower, longest=0.995)
    for step in range(sizes.steps):
        set_rate(optimizer, sizes.rate * rate_factor(step / sizes.steps, step, 60))
        loss = lesson.loss(tower)
        take_step(optimizer, tower, loss)
        average.update()
        if step % 20 == 0:
            log.info("together, step %d: loss %.3f", step, loss.item())
    (kept,) = average.modules
    assert isinstance(kept, TextTower)
    return kept
