"""Stage 4: train the text tower on the vectors of the pictures, and further on all texts.

The pictures' vectors are fixed. The targets of a text are the sentence head's output for it, and
the pictures that it describes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch

from retrieval.pocket.train.imitation import (
    TokenizedCorpus,
    foreign_targets,
    make_optimizer,
    take_step,
    texts_by_kind,
)
from retrieval.pocket.train.losses import (
    cosine_distance,
    cross_entropy,
    ranking_distance,
    row_distributions,
)
from retrieval.pocket.train.material import Average, Material, embed_all, rate_factor, set_rate
from retrieval.pocket.train.objective import Objective, Rows
from retrieval.pocket.train.pictures import NEIGHBOURS
from retrieval.pocket.train.recipe import Together
from retrieval.pocket.train.space import Space
from retrieval.pocket.train.towers import Shape, TextTower, Upper
from retrieval.pocket.train.truth import caption_truth

log = logging.getLogger(__name__)


_MORE_SCENES = 800  # negatives
_MORE_PHOTOGRAPHS = 1500
_NEIGHBOURHOODS = 90  # groups of similar scenes that a scene's caption is contrasted with
_FITTED = 20_000
_WEIGHTS = {
    "cosine": 4.0,
    "ranking": 0.25,
    "captions": 0.35,
    "foreign captions": 0.2,
    "keywords": 0.6,
    "classes": 0.12,
    "scenes": 0.4,
}


@dataclass(frozen=True)
class Gallery:
    """Unit rows (n, dim) of all training pictures; photographs as they are and mirrored."""

    photographs: tuple[torch.Tensor, torch.Tensor]
    scenes: torch.Tensor
    labelled: torch.Tensor
    labels: torch.Tensor  # (labelled,) class numbers in the corpus

    @classmethod
    def of(cls, material: Material, upper: Upper) -> Gallery:
        """Embed all training pictures."""
        sets = material.sets
        photographs = sets["photographs"]
        kinds = ("caltech", "mini_imagenet")
        return cls(
            (embed_all(upper, photographs), embed_all(upper, photographs, mirrored=True)),
            embed_all(upper, sets["scenes"]),
            torch.cat([embed_all(upper, sets[kind]) for kind in kinds]),
            torch.cat([material.labels[kind] for kind in kinds]),
        )


def project_to_pictures(
    material: Material,
    tokenized: TokenizedCorpus,
    tower: TextTower,
    space: Space,
    shape: Shape,
    seed: int,
) -> TextTower:
    """Return the tower with a projection into the space of pictures, fitted by ridge regression."""
    rng = np.random.default_rng((seed, 4))
    count = len(material.corpus.texts)
    texts = rng.choice(count, min(_FITTED, count), replace=False)
    projected = TextTower(shape, len(tokenized.vocabulary), shape.dim)
    state = {k: v for k, v in tower.state_dict().items() if k != "projection"}
    projected.load_state_dict(state, strict=False)
    with torch.no_grad():
        tokens = tokenized.texts[texts]
        ends = torch.from_numpy(tokenized.vocabulary.ends(tokens))
        rows = torch.cat(
            [
                tower.features(torch.from_numpy(tokens[part]).long(), ends[part])
                for part in np.array_split(np.arange(len(tokens)), max(len(tokens) // 500, 1))
            ]
        )
        wanted = space.eval().sentences(material.sentences(texts))
        ridge = rows.T @ rows + 0.1 * torch.eye(rows.shape[1])
        projected.projection.copy_(torch.linalg.solve(ridge, rows.T @ wanted) * 10)
    return projected


class TextObjective(Objective):
    """Draws batches of texts and computes their loss."""

    def __init__(
        self,
        material: Material,
        tokenized: TokenizedCorpus,
        gallery: Gallery,
        space: Space,
        sizes: Together,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(material, space.eval(), rng)
        self.tokenized, self.gallery, self.sizes = tokenized, gallery, sizes
        corpus = material.corpus
        self._pools = texts_by_kind(corpus.kinds, sizes.others)
        self._foreign_photo = np.array(corpus.foreign_photo, np.int64)
        self._classes = list(corpus.classes.values())
        with torch.no_grad():
            self._scale, self._name_scale = (float(scale) for scale in space.scales())

    def loss(self, tower: TextTower) -> torch.Tensor:
        """Draw a batch, embed it at once, and return the weighted sum of all losses."""
        sizes, corpus, rng = self.sizes, self.material.corpus, self.rng
        captions = self._pick(len(self._captions), sizes.captions)
        others = np.concatenate(
            [rng.choice(pool, sizes.others[kind]) for kind, pool in self._pools.items()]
        )
        foreign = self._pick(len(corpus.foreign), sizes.foreign)
        keywords = self._pick(len(corpus.keywords), sizes.keywords)
        classes = self._pick(len(self._classes), sizes.classes)
        scenes = self._pick(len(self.gallery.scenes), sizes.scenes)
        scene_texts = [self.material.scene_texts(scene) for scene in scenes]
        places = [int(rng.integers(len(texts))) for texts in scene_texts]
        texts = [
            self._captions[captions],
            others,
            np.array([rng.choice(corpus.keyword_texts[word]) for word in keywords], np.int64),
            np.array([rng.choice(self._classes[label]) for label in classes], np.int64),
            np.array(
                [each[place] for each, place in zip(scene_texts, places, strict=True)], np.int64
            ),
        ]
        tokens = [self.tokenized.texts[np.concatenate(texts)], self.tokenized.foreign[foreign]]
        rows = self.tokenized.embed(tower, np.concatenate(tokens))
        caption_rows, other_rows, keyword_rows, class_rows, scene_rows, foreign_rows = torch.split(
            rows, [*map(len, texts), len(foreign)]
        )
        with torch.no_grad():
            wanted = self.space.sentences(self.material.sentences(np.concatenate(texts[:2])))
            wanted_foreign = self.space.sentences(foreign_targets(self.material, foreign))
        learned = torch.cat([caption_rows, other_rows, foreign_rows])
        goals = torch.cat([wanted, wanted_foreign])
        photographs = self.gallery.photographs[rng.integers(2)]
        owners = self._owners[captions]
        losses = {
            "cosine": cosine_distance(learned, goals),
            "ranking": ranking_distance(learned, goals),
            "captions": self._captions_loss(caption_rows, wanted, owners, photographs),
            "foreign captions": self._foreign_loss(
                foreign_rows, wanted_foreign, foreign, photographs
            ),
            "keywords": self._keywords_loss(keyword_rows, keywords, photographs),
            "classes": self._classes_loss(class_rows, classes, photographs),
            "scenes": self._scenes_loss(scene_rows, scenes, places),
        }
        return torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()

    def _captions_loss(
        self, rows: torch.Tensor, wanted: torch.Tensor, owners: Rows, photographs: torch.Tensor
    ) -> torch.Tensor:
        """Contrast captions with all photographs; the teachers' ranking is half of the target."""
        more = self.gallery.scenes[self._pick(len(self.gallery.scenes), _MORE_SCENES)]
        return self._owner_loss(rows, wanted[: len(rows)], owners, torch.cat([photographs, more]))

    def _foreign_loss(
        self, rows: torch.Tensor, wanted: torch.Tensor, foreign: Rows, photographs: torch.Tensor
    ) -> torch.Tensor:
        owners = self._foreign_photo[foreign]
        here = np.flatnonzero(owners >= 0)
        if not len(here):
            return torch.zeros(())
        return self._owner_loss(rows[here], wanted[here], owners[here], photographs)

    def _owner_loss(
        self, rows: torch.Tensor, wanted: torch.Tensor, owners: Rows, pictures: torch.Tensor
    ) -> torch.Tensor:
        targets = (self._scale * wanted @ pictures.T).softmax(dim=1) / 2
        targets[torch.arange(len(rows)), torch.from_numpy(owners)] += 0.5
        return cross_entropy(self._scale * rows @ pictures.T, targets).mean()

    def _keywords_loss(
        self, rows: torch.Tensor, keywords: Rows, photographs: torch.Tensor
    ) -> torch.Tensor:
        """Contrast keywords with the photographs that show them; no scene shows any."""
        beside = self.gallery.scenes[self._pick(len(self.gallery.scenes), _MORE_SCENES)]
        shows = row_distributions(self._shows[:, keywords].T)
        targets = torch.cat([shows, torch.zeros(len(rows), len(beside))], dim=1)
        pictures = torch.cat([photographs, beside])
        return cross_entropy(self._name_scale * rows @ pictures.T, targets).mean()

    def _classes_loss(
        self, rows: torch.Tensor, classes: Rows, photographs: torch.Tensor
    ) -> torch.Tensor:
        """Contrast class names with their pictures, other labelled pictures and photographs."""
        labelled = self.gallery.labelled
        beside = photographs[self._pick(len(photographs), _MORE_PHOTOGRAPHS)]
        right = (self.gallery.labels[None] == torch.from_numpy(classes)[:, None]).float()
        targets = torch.cat([right, torch.zeros(len(rows), len(beside))], dim=1)
        some = targets.sum(dim=1) > 0
        logits = self._name_scale * rows[some] @ torch.cat([labelled, beside]).T
        return cross_entropy(logits, row_distributions(targets[some])).mean()

    def _scenes_loss(self, rows: torch.Tensor, scenes: Rows, places: list[int]) -> torch.Tensor:
        """Contrast captions of scenes with all scenes that they describe and similar others."""
        count = len(self.gallery.scenes) // NEIGHBOURS
        around = np.concatenate([self._pick(count, _NEIGHBOURHOODS), scenes // NEIGHBOURS])
        around = around[around < count]
        near = (np.unique(around)[:, None] * NEIGHBOURS + np.arange(NEIGHBOURS)).ravel()
        near = np.union1d(near, scenes)
        rows_of = self.material.sets["scenes"].rows
        seeds = [rows_of[scene]["seed"] for scene in near]
        written = [(rows_of[s]["seed"], p) for s, p in zip(scenes, places, strict=True)]
        truth = torch.from_numpy(caption_truth(seeds, written)).float().T
        logits = self._scale * rows @ self.gallery.scenes[near].T
        return cross_entropy(logits, row_distributions(truth)).mean()


def learn_together(
    material: Material,
    tokenized: TokenizedCorpus,
    tower: TextTower,
    upper: Upper,
    space: Space,
    sizes: Together,
    seed: int,
) -> TextTower:
    """Stage 4: train the text tower; return averaged weights."""
    gallery = Gallery.of(material, upper)
    rng = np.random.default_rng((seed, 5))
    objective = TextObjective(material, tokenized, gallery, space, sizes, rng)
    optimizer = make_optimizer(tower, sizes.rate)
    average = Average(tower, longest=0.995)
    for step in range(sizes.steps):
        set_rate(optimizer, sizes.rate * rate_factor(step / sizes.steps, step, 60))
        loss = objective.loss(tower)
        take_step(optimizer, tower, loss)
        average.update()
        if step % 20 == 0:
            log.info("together, step %d: loss %.3f", step, loss.item())
    (mean,) = average.modules
    assert isinstance(mean, TextTower)
    return mean
