"""Stages 1 and 2: pictures find their captions, as the frozen sentence model understands those.

One shared encoder has several heads: captions, words that pictures show, names of classes, what is
true of drawn scenes, and the backbone's own 1,000 classes, which it is not to forget.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from retrieval.pocket.train.losses import both_ways, cross_entropy
from retrieval.pocket.train.material import Average, Material, embed_all, rate_factor, set_rate
from retrieval.pocket.train.pictures import NEIGHBOURS
from retrieval.pocket.train.recipe import Heads, Tuning
from retrieval.pocket.train.towers import SentenceHead, Upper
from retrieval.pocket.train.truth import true_of

log = logging.getLogger(__name__)

Places = NDArray[np.int64]

_CAPTIONS_BESIDE = 1500
_PHOTOGRAPHS_BESIDE = 1500
_MOST_SCALE = 60.0
_KEYWORD_FACTOR = 20.0  # biases have far to go
_LABELLED = ("caltech", "mini_imagenet")
_WEIGHTS = {
    "text→photograph": 0.5,
    "photograph→text": 0.5,
    "keywords": 0.3,
    "each keyword": 0.12,
    "scenes": 0.5,
    "classes": 0.25,
    "names": 0.1,
    "kept": 0.15,
}


class Space(nn.Module):
    """The space that both stages shape: the sentence head and temperatures.

    Each keyword has a bias of its own, for some are rare and some are shown by every third picture.
    """

    def __init__(self, dim: int, keywords: int) -> None:
        """Make room for embeddings of `dim` numbers."""
        super().__init__()
        self.sentences = SentenceHead(dim)
        self.keyword_scale = nn.Parameter(torch.tensor(3.0))
        self.keyword_bias = nn.Parameter(torch.full((keywords,), -6.0))
        self.caption_scale = nn.Parameter(torch.tensor(3.3))
        self.name_scale = nn.Parameter(torch.tensor(3.0))

    def scales(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the inverse temperatures for captions and for names."""
        return (
            self.caption_scale.exp().clamp(max=_MOST_SCALE),
            self.name_scale.exp().clamp(max=_MOST_SCALE),
        )


@dataclass(frozen=True)
class Batch:
    """Which pictures, by kind; photograph i is blended with `others[i]`, `share[i]` is its own."""

    photographs: Places
    others: Places
    share: torch.Tensor  # (photographs,), 1 where nothing is blended
    scenes: Places
    labelled: dict[str, Places]


@dataclass(frozen=True)
class Seen:
    """What the tower made of a batch: unit rows, and its guesses of the 1,000 classes, if asked."""

    photographs: torch.Tensor
    scenes: torch.Tensor
    labelled: torch.Tensor
    guesses: torch.Tensor | None  # logits, photographs first


class Lesson:
    """Draws batches and takes the losses."""

    def __init__(self, material: Material, space: Space, rng: np.random.Generator) -> None:
        self.material, self.space, self.rng = material, space, rng
        corpus = material.corpus
        self._captions = np.array([text for texts in corpus.captions for text in texts])
        counts = [len(texts) for texts in corpus.captions]
        self._owners = np.repeat(np.arange(len(counts)), counts)
        self._shows = torch.from_numpy(corpus.shows)
        self._queue: list[int] = []

    def draw(self, sizes: Heads | Tuning, mixed: float = 0.0) -> Batch:
        """Draw a batch; every photograph comes once before any comes again."""
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
            labelled={name: self._pick(len(sets[name]), counts[name]) for name in _LABELLED},
        )

    def _pick(self, count: int, wanted: int) -> Places:
        return self.rng.choice(count, min(wanted, count), replace=False)

    def loss(self, batch: Batch, seen: Seen, bank: torch.Tensor | None) -> torch.Tensor:
        """Return the weighted sum of all losses; `bank` has earlier rows of all photographs."""
        texts = self._captions_of(batch.photographs)
        losses = {
            "text→photograph": self._texts_to_photographs(batch, seen, texts, bank),
            "photograph→text": self._photographs_to_texts(batch, seen, texts),
            **self._keywords(batch, seen),
            "scenes": self._scenes(batch, seen),
            "classes": self._classes(batch, seen),
        }
        guessed = self._guessed(batch)
        losses["names"] = self._names(seen, guessed)
        if seen.guesses is not None:
            losses["kept"] = cross_entropy(seen.guesses, guessed).mean()
        return torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()

    def _captions_of(self, photographs: Places) -> torch.Tensor:
        captions = self.material.corpus.captions
        drawn = [self.rng.choice(captions[photograph]) for photograph in photographs]
        return self._read(drawn)

    def _read(self, texts: list[int] | Places) -> torch.Tensor:
        rows: torch.Tensor = self.space.sentences(self.material.sentences(texts))
        return rows

    def _texts_to_photographs(
        self, batch: Batch, seen: Seen, texts: torch.Tensor, bank: torch.Tensor | None
    ) -> torch.Tensor:
        """Let captions find their photographs among others, and among drawings."""
        pictures = [seen.photographs, seen.scenes]
        if bank is not None:
            beside = self._pick(len(bank), _PHOTOGRAPHS_BESIDE)
            pictures.append(bank[beside[~np.isin(beside, batch.photographs)]])
        logits = self.space.scales()[0] * texts @ torch.cat(pictures).T
        own = nn.functional.cross_entropy(logits, torch.arange(len(texts)), reduction="none")
        return (own * batch.share).sum() / batch.share.sum()

    def _photographs_to_texts(self, batch: Batch, seen: Seen, texts: torch.Tensor) -> torch.Tensor:
        """Let photographs find their captions; blended ones both, by their shares."""
        beside = self._pick(len(self._captions), _CAPTIONS_BESIDE)
        beside = beside[~np.isin(self._owners[beside], batch.photographs)]
        columns = [texts, self._captions_of(batch.others), self._read(self._captions[beside])]
        logits = self.space.scales()[0] * seen.photographs @ torch.cat(columns).T
        targets = torch.zeros_like(logits)
        places = torch.arange(len(texts))
        targets[places, places] = batch.share
        targets[places, len(texts) + places] = 1 - batch.share
        return cross_entropy(logits, targets).mean()

    def _keywords(self, batch: Batch, seen: Seen) -> dict[str, torch.Tensor]:
        """Words find the photographs that show them, and no drawing.

        They do so against each other, and each by itself: shown or not.
        """
        share = batch.share[:, None]
        shows = share * self._shows[batch.photographs] + (1 - share) * self._shows[batch.others]
        asked = [self.rng.choice(texts) for texts in self.material.corpus.asked]
        none = torch.zeros(len(seen.scenes), shows.shape[1])
        pictures = torch.cat([seen.photographs, seen.scenes])
        truth = torch.cat([shows, none])
        cosines = pictures @ self._read(asked).T
        by_itself = self.space.keyword_scale.exp() * cosines + self.space.keyword_bias
        each = nn.functional.binary_cross_entropy_with_logits(by_itself, truth, reduction="none")
        return {
            "keywords": both_ways(self.space.scales()[1] * cosines, truth),
            "each keyword": each.sum(dim=1).mean(),
        }

    def _scenes(self, batch: Batch, seen: Seen) -> torch.Tensor:
        """Captions find the scenes of which they are true, whichever they were written for."""
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
        truth = torch.from_numpy(true_of(seeds, written)).float()
        return both_ways(self.space.scales()[0] * seen.scenes @ self._read(texts).T, truth)

    def _classes(self, batch: Batch, seen: Seen) -> torch.Tensor:
        """Labelled pictures find the names of their classes."""
        names = [self.rng.choice(texts) for texts in self.material.corpus.classes.values()]
        labels = [self.material.labels[name][batch.labelled[name]] for name in _LABELLED]
        logits = self.space.scales()[1] * seen.labelled @ self._read(names).T
        return nn.functional.cross_entropy(logits, torch.cat(labels))

    def _guessed(self, batch: Batch) -> torch.Tensor:
        """Return what the untouched backbone takes photographs and labelled pictures for."""
        guesses, share = self.material.guesses, batch.share[:, None]
        photographs = guesses["photographs"]
        blended = share * photographs[batch.photographs] + (1 - share) * photographs[batch.others]
        labelled = [guesses[name][batch.labelled[name]] for name in _LABELLED]
        return torch.cat([blended, *labelled])

    def _names(self, seen: Seen, guessed: torch.Tensor) -> torch.Tensor:
        """Pictures find the names of what the backbone takes them for: no label is needed."""
        names = [self.rng.choice(texts) for texts in self.material.corpus.imagenet]
        pictures = torch.cat([seen.photographs, seen.labelled])
        logits = self.space.scales()[1] * pictures @ self._read(names).T
        return cross_entropy(logits, guessed).mean()


def train_heads(material: Material, upper: Upper, space: Space, sizes: Heads, seed: int) -> None:
    """Stage 1: fit both heads to what the frozen networks say of whole pictures and texts."""
    rng = np.random.default_rng((seed, 1))
    lesson = Lesson(material, space, rng)
    upper.train()
    space.train()
    optimizer = torch.optim.AdamW(_groups(upper, space, 1.0), lr=sizes.rate)
    pooled = material.pooled
    for step in range(sizes.steps):
        set_rate(
            optimizer, sizes.rate * rate_factor(step / sizes.steps, step, max(1, sizes.steps // 4))
        )
        batch = lesson.draw(sizes)
        labelled = torch.cat([pooled[name][batch.labelled[name]] for name in _LABELLED])
        seen = Seen(
            photographs=upper.project(pooled["photographs"][batch.photographs]),
            scenes=upper.project(pooled["scenes"][batch.scenes]),
            labelled=upper.project(labelled),
            guesses=None,
        )
        loss = lesson.loss(batch, seen, None)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if step % 20 == 0:
            log.info("heads, step %d: loss %.3f", step, loss.item())


def tune(
    material: Material, upper: Upper, space: Space, sizes: Tuning, seed: int
) -> tuple[Upper, Space]:
    """Stage 2: let the upper part of the tower learn, too; return averages of the weights."""
    rng = np.random.default_rng((seed, 2))
    lesson = Lesson(material, space, rng)
    average = Average(upper, space)
    bank = embed_all(upper, material.sets["photographs"])
    upper.train()
    optimizer = torch.optim.AdamW(
        [
            {"params": upper.trunk(), "weight_decay": 0.02, "factor": 1.0},
            *_groups(upper, space, sizes.head_factor),
        ],
        lr=sizes.rate,
        betas=(0.9, 0.98),
    )
    for step in range(sizes.steps):
        set_rate(optimizer, sizes.rate * rate_factor(step / sizes.steps, step, 40))
        batch = lesson.draw(sizes, sizes.mixed)
        seen = _look(material, upper, batch, sizes, rng)
        loss = lesson.loss(batch, seen, bank)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(upper.parameters(), 2.0)
        optimizer.step()
        average.update()
        whole = np.flatnonzero(batch.share.numpy() > 0.8)
        bank[batch.photographs[whole]] = seen.photographs.detach()[whole]
        if step % 10 == 0:
            log.info("tuning, step %d: loss %.3f", step, loss.item())
    kept_upper, kept_space = average.modules
    assert isinstance(kept_upper, Upper)
    assert isinstance(kept_space, Space)
    return kept_upper, kept_space


def _groups(upper: Upper, space: Space, factor: float) -> list[dict[str, Any]]:
    """Return the heads' parameters for an optimizer; biases and temperatures do not decay."""
    heads = [*upper.fc1.parameters(), *upper.fc2.parameters(), *space.sentences.parameters()]
    scales = [space.caption_scale, space.name_scale]
    keywords = [space.keyword_scale, space.keyword_bias]
    return [
        {"params": heads, "weight_decay": 0.05, "factor": factor},
        {"params": scales, "weight_decay": 0.0, "factor": 1.0},
        {"params": keywords, "weight_decay": 0.0, "factor": _KEYWORD_FACTOR},
    ]


def _look(
    material: Material, upper: Upper, batch: Batch, sizes: Tuning, rng: np.random.Generator
) -> Seen:
    """Run the tower over a batch: photographs blended, half of the pictures mirrored, some cut.

    Scenes stay whole, because "five red fish" has to stay true.
    """
    sets = material.sets
    photographs = _mirrored(sets["photographs"].batch(batch.photographs), rng)
    place = {photograph: row for row, photograph in enumerate(batch.photographs.tolist())}
    others = photographs[[place[other] for other in batch.others.tolist()]]
    share = batch.share.view(-1, 1, 1, 1)
    labelled = [sets[name].batch(batch.labelled[name]) for name in _LABELLED]
    pictures = torch.cat(
        [share * photographs + (1 - share) * others, _mirrored(torch.cat(labelled), rng)]
    )
    if rng.random() < sizes.cropped:
        pictures = _cut(pictures, sizes.least_crop, rng)
    pooled = upper.pool(pictures.contiguous(memory_format=torch.channels_last))
    scenes = upper.pool(sets["scenes"].batch(batch.scenes))
    rows = upper.project(torch.cat([pooled, scenes]))
    count, all_ = len(photographs), len(pooled)
    return Seen(rows[:count], rows[all_:], rows[count:all_], upper.classifier(pooled))


def _mirrored(maps: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    turned = torch.from_numpy(rng.random(len(maps)) < 0.5).view(-1, 1, 1, 1)
    return torch.where(turned, maps.flip(3), maps)


def _cut(maps: torch.Tensor, least: float, rng: np.random.Generator) -> torch.Tensor:
    """Cut all maps to one square part, at least `least` of a side."""
    side = maps.shape[-1]
    kept = int(rng.integers(max(1, int(side * least)), side + 1))
    top, left = rng.integers(0, side - kept + 1, 2)
    return maps[:, :, top : top + kept, left : left + kept]
