"""Stage 3: the text tower learns to say what the sentence model says, and what it reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from retrieval.pocket.train.losses import mimicry, relations
from retrieval.pocket.train.material import Average, Material, rate_factor, set_rate
from retrieval.pocket.train.pretrained import SENTENCE_DIM, Sentences
from retrieval.pocket.train.recipe import Imitation
from retrieval.pocket.train.towers import Shape, TextTower
from retrieval.pocket.train.vocabulary import Tokens, Vocabulary, tokenize

log = logging.getLogger(__name__)

Places = NDArray[np.int64]

_FIRST_SPREAD = 0.05  # of token vectors that come from the sentence model
_LENGTHS = 8  # groups of texts in a batch
_HARDLY = 0.1  # a shorter row is none: no text, or none that was embedded


@dataclass(frozen=True)
class Reading:
    """All texts as compact tokens."""

    vocabulary: Vocabulary
    texts: Tokens
    foreign: Tokens

    @classmethod
    def of(cls, material: Material, shape: Shape) -> Reading:
        """Tokenize the whole corpus."""
        texts = tokenize(material.corpus.texts, shape.context)
        foreign = tokenize(material.corpus.foreign, shape.context)
        vocabulary = Vocabulary.of(texts, foreign)
        return cls(vocabulary, vocabulary.compact(texts), vocabulary.compact(foreign))

    def embed(self, tower: TextTower, tokens: Tokens) -> torch.Tensor:
        """Return unit rows of texts, by groups of about one length: each costs as its longest."""
        ends = self.vocabulary.ends(tokens)
        order = np.argsort(ends, kind="stable")
        parts = [
            tower(torch.from_numpy(tokens[part]).long(), torch.from_numpy(ends[part]))
            for part in np.array_split(order, _LENGTHS)
            if len(part)
        ]
        return torch.cat(parts)[torch.from_numpy(np.argsort(order))]

    @torch.no_grad()
    def embed_all(self, tower: TextTower, tokens: Tokens, batch: int = 512) -> torch.Tensor:
        """Return unit rows of many texts."""
        order = np.argsort(self.vocabulary.ends(tokens), kind="stable")
        rows = [
            self.embed(tower, tokens[order[start : start + batch]])
            for start in range(0, len(order), batch)
        ]
        return torch.cat(rows)[torch.from_numpy(np.argsort(order))]


def first_tower(shape: Shape, reading: Reading, sentences: Sentences) -> TextTower:
    """Return a tower whose token vectors are what the sentence model says of each token alone.

    They are turned to their principal directions, and the projection turns them back: so the tower
    begins near the meaning of its words, also of those that no caption has.
    """
    rows = sentences(reading.vocabulary.pieces()).astype(np.float64)
    mean = rows.mean(axis=0)
    told = rows[np.linalg.norm(rows, axis=1) > _HARDLY] - mean
    directions = np.linalg.svd(told, full_matrices=False)[2][: shape.text_width]
    reduced = (rows - mean) @ directions.T
    tower = TextTower(shape, len(reading.vocabulary), SENTENCE_DIM)
    width = reduced.shape[1]
    with torch.no_grad():
        scaled = torch.from_numpy(reduced / reduced.std() * _FIRST_SPREAD).float()
        tower.tokens.weight[:, :width].copy_(scaled)
        tower.projection[:width].copy_(torch.from_numpy(directions).float())
    return tower


def imitate(
    material: Material, reading: Reading, tower: TextTower, sizes: Imitation, seed: int
) -> TextTower:
    """Stage 3: the tower says what the sentence model says, over every text there is."""
    rng = np.random.default_rng((seed, 3))
    pools = pools_of(material.corpus.kinds, sizes.kinds)
    optimizer = optimizer_of(tower, sizes.rate)
    average = Average(tower)
    for step in range(sizes.steps):
        set_rate(optimizer, sizes.rate * rate_factor(step / sizes.steps, step, 100))
        texts = np.concatenate(
            [
                rng.choice(pool, int(sizes.kinds[kind] * sizes.texts) + 1)
                for kind, pool in pools.items()
            ]
        )
        foreign = rng.integers(max(len(reading.foreign), 1), size=int(sizes.foreign * sizes.texts))[
            : len(reading.foreign)
        ]
        wanted = torch.cat([material.sentences(texts), meant(material, foreign)])
        tokens = np.concatenate([reading.texts[texts], reading.foreign[foreign]])
        rows = reading.embed(tower, tokens)
        loss = 3 * mimicry(rows, wanted) + 0.3 * relations(rows, wanted)
        take_step(optimizer, tower, loss)
        average.update()
        if step % 20 == 0:
            log.info("imitation, step %d: loss %.3f", step, loss.item())
    (kept,) = average.modules
    assert isinstance(kept, TextTower)
    return kept


def meant(material: Material, foreign: Sequence[int] | Places) -> torch.Tensor:
    """Return unit rows of what texts in other languages mean: the mean of English ones."""
    means = [
        material.sentences(material.corpus.foreign_means[text]).mean(dim=0) for text in foreign
    ]
    if not means:
        return torch.zeros(0, SENTENCE_DIM)
    return nn.functional.normalize(torch.stack(means), dim=1)


def pools_of(kinds: Sequence[str], wanted: Mapping[str, object]) -> dict[str, Places]:
    """Return the numbers of all texts of each wanted kind that has any."""
    named = np.array(kinds)
    found = {kind: np.flatnonzero(named == kind) for kind in wanted}
    return {kind: texts for kind, texts in found.items() if len(texts)}


def optimizer_of(tower: TextTower, rate: float) -> torch.optim.AdamW:
    """Return the optimizer of a text tower; token vectors move half as fast."""
    tokens = tower.tokens.weight
    matrices = [p for p in tower.parameters() if p.ndim > 1 and p is not tokens]
    vectors = [p for p in tower.parameters() if p.ndim == 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": 0.05, "factor": 1.0},
            {"params": vectors, "weight_decay": 0.0, "factor": 1.0},
            {"params": [tokens], "weight_decay": 0.0, "factor": 0.5},
        ],
        lr=rate,
        betas=(0.9, 0.98),
    )


def take_step(optimizer: torch.optim.Optimizer, tower: TextTower, loss: torch.Tensor) -> None:
    """Move a tower against the gradient of a loss."""
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(tower.parameters(), 2.0)
    optimizer.step()
