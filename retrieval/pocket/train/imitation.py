"""Stage 3: distil the sentence model into the text tower; tokenize the corpus for that."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from retrieval.pocket.train.losses import cosine_distance, ranking_distance
from retrieval.pocket.train.material import Average, Material, rate_factor, set_rate
from retrieval.pocket.train.pretrained import SENTENCE_DIM, Sentences
from retrieval.pocket.train.recipe import Imitation
from retrieval.pocket.train.towers import Shape, TextTower
from retrieval.pocket.train.vocabulary import Tokens, Vocabulary, tokenize

log = logging.getLogger(__name__)

Rows = NDArray[np.int64]

_INITIAL_SPREAD = 0.05  # the standard deviation of token vectors from the sentence model
_LENGTHS = 8  # the number of groups by length in a batch
_LEAST_LENGTH = 0.1  # a shorter row belongs to no text


@dataclass(frozen=True)
class TokenizedCorpus:
    """All texts of the corpus as rows of compact token ids (n, context)."""

    vocabulary: Vocabulary
    texts: Tokens
    foreign: Tokens

    @classmethod
    def of(cls, material: Material, shape: Shape) -> TokenizedCorpus:
        """Tokenize the whole corpus."""
        texts = tokenize(material.corpus.texts, shape.context)
        foreign = tokenize(material.corpus.foreign, shape.context)
        vocabulary = Vocabulary.of(texts, foreign)
        return cls(vocabulary, vocabulary.compact(texts), vocabulary.compact(foreign))

    def embed(self, tower: TextTower, tokens: Tokens) -> torch.Tensor:
        """Return unit rows (n, dim) of texts, computed in groups of similar length.

        A group takes as much time as if all its texts had the length of the longest.
        """
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
        """Return unit rows (n, dim) of many texts, in batches and without gradients."""
        order = np.argsort(self.vocabulary.ends(tokens), kind="stable")
        rows = [
            self.embed(tower, tokens[order[start : start + batch]])
            for start in range(0, len(order), batch)
        ]
        return torch.cat(rows)[torch.from_numpy(np.argsort(order))]


def initial_tower(shape: Shape, tokenized: TokenizedCorpus, sentences: Sentences) -> TextTower:
    """Return a tower whose token vectors are the sentence model's vectors of single tokens.

    The vectors are reduced to their principal directions, and the projection maps them back. So
    the tower starts close to the meanings of its words, even of those that no caption has.
    """
    rows = sentences(tokenized.vocabulary.pieces()).astype(np.float64)
    mean = rows.mean(axis=0)
    centred = rows[np.linalg.norm(rows, axis=1) > _LEAST_LENGTH] - mean
    directions = np.linalg.svd(centred, full_matrices=False)[2][: shape.text_width]
    reduced = (rows - mean) @ directions.T
    tower = TextTower(shape, len(tokenized.vocabulary), SENTENCE_DIM)
    width = reduced.shape[1]
    with torch.no_grad():
        scaled = torch.from_numpy(reduced / reduced.std() * _INITIAL_SPREAD).float()
        tower.tokens.weight[:, :width].copy_(scaled)
        tower.projection[:width].copy_(torch.from_numpy(directions).float())
    return tower


def imitate(
    material: Material, tokenized: TokenizedCorpus, tower: TextTower, sizes: Imitation, seed: int
) -> TextTower:
    """Stage 3: train the tower to reproduce the sentence model; return averaged weights."""
    rng = np.random.default_rng((seed, 3))
    pools = texts_by_kind(material.corpus.kinds, sizes.kinds)
    optimizer = make_optimizer(tower, sizes.rate)
    average = Average(tower)
    for step in range(sizes.steps):
        set_rate(optimizer, sizes.rate * rate_factor(step / sizes.steps, step, 100))
        texts = np.concatenate(
            [
                rng.choice(pool, int(sizes.kinds[kind] * sizes.texts) + 1)
                for kind, pool in pools.items()
            ]
        )
        foreign = rng.integers(
            max(len(tokenized.foreign), 1), size=int(sizes.foreign * sizes.texts)
        )[: len(tokenized.foreign)]
        wanted = torch.cat([material.sentences(texts), foreign_targets(material, foreign)])
        tokens = np.concatenate([tokenized.texts[texts], tokenized.foreign[foreign]])
        rows = tokenized.embed(tower, tokens)
        loss = 3 * cosine_distance(rows, wanted) + 0.3 * ranking_distance(rows, wanted)
        take_step(optimizer, tower, loss)
        average.update()
        if step % 20 == 0:
            log.info("imitation, step %d: loss %.3f", step, loss.item())
    (mean,) = average.modules
    assert isinstance(mean, TextTower)
    return mean


def foreign_targets(material: Material, foreign: Sequence[int] | Rows) -> torch.Tensor:
    """Return target unit rows for foreign texts: the mean of the English texts' vectors."""
    means = [
        material.sentences(material.corpus.foreign_means[text]).mean(dim=0) for text in foreign
    ]
    if not means:
        return torch.zeros(0, SENTENCE_DIM)
    return nn.functional.normalize(torch.stack(means), dim=1)


def texts_by_kind(kinds: Sequence[str], wanted: Mapping[str, object]) -> dict[str, Rows]:
    """Return the numbers of all texts of each wanted kind, without empty kinds."""
    named = np.array(kinds)
    found = {kind: np.flatnonzero(named == kind) for kind in wanted}
    return {kind: texts for kind, texts in found.items() if len(texts)}


def make_optimizer(tower: TextTower, rate: float) -> torch.optim.AdamW:
    """Return the optimizer of a text tower; token vectors have half the learning rate."""
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
    """Update a tower by one optimizer step with clipped gradients."""
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(tower.parameters(), 2.0)
    optimizer.step()
