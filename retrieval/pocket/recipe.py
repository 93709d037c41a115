"""The recipes: which stages, how long, on what. These three made the shipped weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from retrieval.pocket.batches import Augmentation
from retrieval.pocket.model import Shape

VIEWS = 256  # draws after which the same crops come again, where they are repeated


@dataclass(frozen=True)
class Weights:
    """How much each loss counts; a loss of weight 0 is not computed."""

    text_pairs: float = 0.0  # caption against caption of the same picture
    pictures: float = 0.0  # captioned picture against caption
    scenes: float = 0.0  # drawn scene against captions of which is known whether they are true
    labels: float = 0.0  # class picture against all class vectors (a head)
    prompts: float = 0.0  # class picture against the prompts of the batch, through the text tower
    names: float = 0.0  # the prompts of a class against its class vector; taken with `prompts`
    all_names: float = 0.0  # the prompts of any classes against their class vectors, no pictures
    keep: float = 0.0  # captions against what the stage's first text tower made of them
    bank: float = 0.0  # captioned photograph against the teacher's vectors of all photographs
    claims: float = 0.0  # drawn scene against all that is true of it (a head)
    words: float = 0.0  # captioned picture against the words of its captions (a head)
    mimicry: float = 0.0  # pictures and texts against what the teachers make of them
    affinity: float = 0.0  # how they rank texts and pictures against how the teachers do


@dataclass(frozen=True)
class Stage:
    """One stretch of training with its own data, losses and cosine schedule."""

    name: str
    minutes: float
    weights: Weights
    augmentation: Augmentation = field(default_factory=Augmentation)
    shares: dict[str, int] = field(default_factory=dict)  # pictures of each source in a batch
    sizes: tuple[int, ...] = ()  # picture sizes, each for an equal part of the stage
    text_groups: int = 0  # caption groups in a batch of the text loss
    text_every: int = 1  # the text loss is taken every so many steps
    rate: float = 1.5e-3
    text_rate: float = 5e-4
    evaluations: int = 0  # how often the stage looks at the development set
    keep_best: bool = False  # whether it ends with the weights that did best there
    repeats: int = 1  # so often are the same crops shown: teachers need to look at them only once
    steps: int = 0  # when set, the stage counts steps and not minutes: such a run can be repeated

    def progress(self, step: int, seconds: float) -> float:
        """Return how much of the stage is done, from 0 to 1."""
        return step / self.steps if self.steps else seconds / (self.minutes * 60)

    def view(self, draw: int) -> tuple[int, bool]:
        """Tell which crops a draw shows, and whether a later draw shows the same ones."""
        rounds, within = divmod(draw, self.repeats * VIEWS)
        again, place = divmod(within, VIEWS)
        return rounds * VIEWS + place, again + 1 < self.repeats

    def size_at(self, progress: float) -> int:
        """Return the picture size at `progress` in 0…1."""
        return self.sizes[min(int(progress * len(self.sizes)), len(self.sizes) - 1)]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out, besides data and seed."""

    stages: tuple[Stage, ...]
    shape: Shape = field(default_factory=Shape)
    scenes: int = 20_000
    scene_captions: int = 2  # of each scene in a batch
    words: int = 1500
    word_dropout: float = 0.1
    longest_text: int = 18  # tokens; the cost of the text tower grows with the longest of a batch
    weight_decay: float = 0.05
    ema: float = 0.998
    soft_share: float = 0.3
    soft_temperature: float = 0.04
    bank: int = 2048  # texts that `affinity` ranks for each picture, besides those of the batch
    affinity_scale: float = 25.0  # inverse temperature of both rankings

    def further(self) -> Recipe:
        """Return the recipe for finished towers: without the first stage, for they can read."""
        return replace(self, stages=self.stages[1:])

    def lasting(self, minutes: float) -> Recipe:
        """Return the same recipe stretched or shrunk to `minutes` in all."""
        factor = minutes / sum(stage.minutes for stage in self.stages)
        stages = tuple(replace(s, minutes=s.minutes * factor) for s in self.stages)
        return replace(self, stages=stages)

    def counting(self, steps: int) -> Recipe:
        """Return the same recipe with `steps` in all, shared out by the minutes of the stages."""
        whole = sum(stage.minutes for stage in self.stages)
        shares = [max(1, round(steps * stage.minutes / whole)) for stage in self.stages]
        stages = tuple(replace(s, steps=n) for s, n in zip(self.stages, shares, strict=True))
        return replace(self, stages=stages)


def cosine(progress: float, warmup: float = 0.03, floor: float = 0.01) -> float:
    """Return the learning-rate factor: a linear rise, then half a cosine down to `floor`."""
    if progress < warmup:
        return max(progress / warmup, 0.02)
    turned = (progress - warmup) / (1 - warmup)
    return floor + (1 - floor) * (1 + math.cos(math.pi * min(turned, 1.0))) / 2


POCKET = Recipe(
    stages=(
        Stage(
            "text",
            minutes=4,
            weights=Weights(text_pairs=1),
            text_groups=256,
            text_rate=1.5e-3,
        ),
        Stage(
            "classes",
            minutes=44,
            weights=Weights(labels=1),
            shares={"tiny_imagenet": 120, "mini_imagenet": 44, "caltech101": 8},
            sizes=(48, 64, 64, 80),
            rate=3e-3,
        ),
        Stage(
            "joint",
            minutes=47,
            weights=Weights(
                text_pairs=1,
                pictures=1,
                scenes=0.5,
                bank=0.5,
                labels=0.5,
                prompts=0.3,
                names=0.5,
                words=0.2,
            ),
            shares={
                "flickr8k": 64,
                "scenes": 32,
                "emoji": 4,
                "tiny_imagenet": 42,
                "mini_imagenet": 22,
                "caltech101": 8,
            },
            sizes=(64, 80, 80, 96),
            augmentation=Augmentation(mix=0.5),
            rate=1e-3,
            text_groups=128,
            text_every=7,
            evaluations=12,
            keep_best=True,
        ),
        Stage(
            "names",
            minutes=2,
            weights=Weights(all_names=1, keep=4),
            text_groups=128,
            text_rate=5e-4,
            evaluations=1,
        ),
    )
)

_JOINT = next(stage for stage in POCKET.stages if stage.name == "joint")

ANOTHER = Recipe(
    stages=(
        replace(
            _JOINT,
            minutes=7,
            weights=replace(_JOINT.weights, words=0.3),
            shares={
                "flickr8k": 56,
                "scenes": 10,
                "emoji": 2,
                "tiny_imagenet": 32,
                "mini_imagenet": 40,
                "caltech101": 8,
            },
            sizes=(80, 96),
            augmentation=Augmentation(mix=0.6, mix_classes=0.5),
            evaluations=3,
            keep_best=False,  # the best look is the one that has moved least
        ),
    )
)
"""Finished towers go on for minutes: no better alone, but their mistakes become others."""

DISTILLED = Recipe(
    stages=(
        Stage(
            "distil",
            minutes=80,
            weights=Weights(mimicry=10, affinity=1, scenes=1, claims=0.3),
            shares={
                "flickr8k": 40,
                "scenes": 24,
                "emoji": 2,
                "tiny_imagenet": 12,
                "mini_imagenet": 26,
                "caltech101": 8,
            },
            sizes=(96, 96, 112),
            augmentation=Augmentation(mix=0.5, mix_classes=0.5, mix_shape=1.0),
            rate=1e-3,
            text_rate=3e-4,
            text_groups=32,
            repeats=4,
            evaluations=16,
            keep_best=True,
        ),
    )
)
