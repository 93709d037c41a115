"""The objective of stages 1 and 2: pictures match the sentence model's vectors of captions.

One shared encoder has several heads: captions, keywords, class names, captions of drawn scenes, and
the backbone's own 1,000 classes, which it must not forget.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from retrieval.pocket.train.losses import cross_entropy, symmetric_contrastive
from retrieval.pocket.train.material import Material
from retrieval.pocket.train.objective import Objective, Rows
from retrieval.pocket.train.pictures import NEIGHBOURS
from retrieval.pocket.train.recipe import Heads, Tuning
from retrieval.pocket.train.space import Space
from retrieval.pocket.train.truth import caption_truth

LABELLED = ("caltech", "mini_imagenet")
"""The sets of pictures with class labels."""

_MORE_CAPTIONS = 1500  # negatives from outside the batch
_MORE_PHOTOGRAPHS = 1500
_WEIGHTS = {
    "text→photograph": 0.5,
    "photograph→text": 0.5,
    "keywords": 0.3,
    "each keyword": 0.12,
    "scenes": 0.5,
    "classes": 0.25,
    "names": 0.1,
    "backbone": 0.15,
}


@dataclass(frozen=True)
class Batch:
    """The rows of a batch's pictures, by kind.

    Photograph i is blended with `others[i]` and has the share `share[i]` in the blend.
    """

    photographs: Rows
    others: Rows
    share: torch.Tensor  # (photographs,), 1 without blending
    scenes: Rows
    labelled: dict[str, Rows]


@dataclass(frozen=True)
class Outputs:
    """The tower's outputs for a batch: unit rows (n, dim) of each kind of pictures.

    `guesses` are logits of the backbone's 1,000 classes for photographs and labelled pictures, in
    that order; None in stage 1.
    """

    photographs: torch.Tensor
    scenes: torch.Tensor
    labelled: torch.Tensor
    guesses: torch.Tensor | None


class PictureObjective(Objective):
    """Draws batches of pictures and computes their loss."""

    def __init__(self, material: Material, space: Space, rng: np.random.Generator) -> None:
        super().__init__(material, space, rng)
        self._queue: list[int] = []

    def draw(self, sizes: Heads | Tuning, mixed: float = 0.0) -> Batch:
        """Draw a batch; each photograph is drawn once before any is drawn again.

        `mixed` is the share of photographs that are blended with another one.
        """
        sets = self.material.sets
        wanted = min(sizes.photographs, len(sets["photographs"]))
        if len(self._queue) < wanted:
            self._queue = self.rng.permutation(len(sets["photographs"])).tolist()
        photographs = np.array(self._queue[:wanted])
        del self._queue[:wanted]
        share = self.rng.beta(0.6, 0.6, wanted)
        share = np.where(self.rng.random(wanted) < mixed, np.maximum(share, 1 - share), 1.0)
        firsts = self._pick(len(sets["scenes"]) // NEIGHBOURS, sizes.scenes // NEIGHBOURS)
        counts = {"caltech": sizes.caltech, "mini_imagenet": sizes.mini_imagenet}
        return Batch(
            photographs=photographs,
            others=self.rng.permutation(photographs),
            share=torch.from_numpy(share).float(),
            scenes=(firsts[:, None] * NEIGHBOURS + np.arange(NEIGHBOURS)).ravel(),
            labelled={name: self._pick(len(sets[name]), counts[name]) for name in LABELLED},
        )

    def loss(self, batch: Batch, outputs: Outputs, bank: torch.Tensor | None) -> torch.Tensor:
        """Return the weighted sum of all losses; `bank` holds earlier rows of all photographs."""
        texts = self._captions_of(batch.photographs)
        losses = {
            "text→photograph": self._texts_to_photographs(batch, outputs, texts, bank),
            "photograph→text": self._photographs_to_texts(batch, outputs, texts),
            **self._keywords(batch, outputs),
            "scenes": self._scenes(batch, outputs),
            "classes": self._classes(batch, outputs),
        }
        backbone = self._backbone_targets(batch)
        losses["names"] = self._names(outputs, backbone)
        if outputs.guesses is not None:
            losses["backbone"] = cross_entropy(outputs.guesses, backbone).mean()
        return torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()

    def _captions_of(self, photographs: Rows) -> torch.Tensor:
        captions = self.material.corpus.captions
        drawn = [self.rng.choice(captions[photograph]) for photograph in photographs]
        return self._embed_texts(drawn)

    def _embed_texts(self, texts: list[int] | Rows) -> torch.Tensor:
        rows: torch.Tensor = self.space.sentences(self.material.sentences(texts))
        return rows

    def _texts_to_photographs(
        self, batch: Batch, outputs: Outputs, texts: torch.Tensor, bank: torch.Tensor | None
    ) -> torch.Tensor:
        """Contrast captions with their own photographs, other photographs and scenes."""
        pictures = [outputs.photographs, outputs.scenes]
        if bank is not None:
            beside = self._pick(len(bank), _MORE_PHOTOGRAPHS)
            pictures.append(bank[beside[~np.isin(beside, batch.photographs)]])
        logits = self.space.scales()[0] * texts @ torch.cat(pictures).T
        own = nn.functional.cross_entropy(logits, torch.arange(len(texts)), reduction="none")
        return (own * batch.share).sum() / batch.share.sum()

    def _photographs_to_texts(
        self, batch: Batch, outputs: Outputs, texts: torch.Tensor
    ) -> torch.Tensor:
        """Contrast photographs with captions; blended ones have two, weighted by their shares."""
        beside = self._pick(len(self._captions), _MORE_CAPTIONS)
        beside = beside[~np.isin(self._owners[beside], batch.photographs)]
        columns = [
            texts,
            self._captions_of(batch.others),
            self._embed_texts(self._captions[beside]),
        ]
        logits = self.space.scales()[0] * outputs.photographs @ torch.cat(columns).T
        targets = torch.zeros_like(logits)
        places = torch.arange(len(texts))
        targets[places, places] = batch.share
        targets[places, len(texts) + places] = 1 - batch.share
        return cross_entropy(logits, targets).mean()

    def _keywords(self, batch: Batch, outputs: Outputs) -> dict[str, torch.Tensor]:
        """Contrast keywords with the photographs that show them; no scene shows any.

        One loss compares keywords with each other, the other decides on each by itself.
        """
        share = batch.share[:, None]
        shows = share * self._shows[batch.photographs] + (1 - share) * self._shows[batch.others]
        asked = [self.rng.choice(texts) for texts in self.material.corpus.keyword_texts]
        none = torch.zeros(len(outputs.scenes), shows.shape[1])
        pictures = torch.cat([outputs.photographs, outputs.scenes])
        truth = torch.cat([shows, none])
        cosines = pictures @ self._embed_texts(asked).T
        by_itself = self.space.keyword_scale.exp() * cosines + self.space.keyword_bias
        each = nn.functional.binary_cross_entropy_with_logits(by_itself, truth, reduction="none")
        return {
            "keywords": symmetric_contrastive(self.space.scales()[1] * cosines, truth),
            "each keyword": each.sum(dim=1).mean(),
        }

    def _scenes(self, batch: Batch, outputs: Outputs) -> torch.Tensor:
        """Contrast captions with all scenes that they describe, not only the one they belong to."""
        rows = self.material.sets["scenes"].rows
        seeds = [rows[scene]["seed"] for scene in batch.scenes]
        owners = np.repeat(np.arange(len(seeds)), 2)
        places = [self.rng.integers(len(rows[batch.scenes[o]]["captions"])) for o in owners]
        numbers = self.material.corpus.numbers
        texts = [
            numbers[rows[batch.scenes[o]]["captions"][place]]
            for o, place in zip(owners, places, strict=True)
        ]
        written = [(seeds[o], int(place)) for o, place in zip(owners, places, strict=True)]
        truth = torch.from_numpy(caption_truth(seeds, written)).float()
        return symmetric_contrastive(
            self.space.scales()[0] * outputs.scenes @ self._embed_texts(texts).T, truth
        )

    def _classes(self, batch: Batch, outputs: Outputs) -> torch.Tensor:
        """Classify labelled pictures by the names of their classes."""
        names = [self.rng.choice(texts) for texts in self.material.corpus.classes.values()]
        labels = [self.material.labels[name][batch.labelled[name]] for name in LABELLED]
        logits = self.space.scales()[1] * outputs.labelled @ self._embed_texts(names).T
        return nn.functional.cross_entropy(logits, torch.cat(labels))

    def _backbone_targets(self, batch: Batch) -> torch.Tensor:
        """Return the original backbone's class probabilities (n, 1000) of the pictures."""
        guesses, share = self.material.guesses, batch.share[:, None]
        photographs = guesses["photographs"]
        blended = share * photographs[batch.photographs] + (1 - share) * photographs[batch.others]
        labelled = [guesses[name][batch.labelled[name]] for name in LABELLED]
        return torch.cat([blended, *labelled])

    def _names(self, outputs: Outputs, backbone: torch.Tensor) -> torch.Tensor:
        """Match pictures with the names of the backbone's classes, which needs no labels."""
        names = [self.rng.choice(texts) for texts in self.material.corpus.imagenet]
        pictures = torch.cat([outputs.photographs, outputs.labelled])
        logits = self.space.scales()[1] * pictures @ self._embed_texts(names).T
        return cross_entropy(logits, backbone).mean()
