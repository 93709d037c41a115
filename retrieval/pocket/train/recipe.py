"""The hyperparameters of the training: steps, learning rates and batch sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from retrieval.pocket.train.pictures import Amounts
from retrieval.pocket.train.towers import Shape


@dataclass(frozen=True)
class Heads:
    """Stage 1: train a head on each frozen network, on whole pictures."""

    steps: int = 140
    rate: float = 2e-3
    photographs: int = 700
    scenes: int = 200
    caltech: int = 100
    mini_imagenet: int = 200


@dataclass(frozen=True)
class Tuning:
    """Stage 2: train the upper part of the image tower with its head, in rounds."""

    steps: int = 300
    rate: float = 4e-4
    head_factor: float = 1.5
    photographs: int = 96
    scenes: int = 32
    caltech: int = 20
    mini_imagenet: int = 28
    mixed: float = 0.5  # the share of photographs that are blended with another one
    cropped: float = 0.7  # the share of batches that are cropped
    least_crop: float = 0.78  # the least share of the side in a crop


@dataclass(frozen=True)
class Imitation:
    """Stage 3: train the text tower to reproduce the sentence model's vectors of all texts.

    `kinds` are the shares of each kind of text in a batch, `foreign` that of other languages.
    """

    steps: int = 500
    rate: float = 2e-3
    texts: int = 256
    kinds: Mapping[str, float] = field(
        default_factory=lambda: {
            "photographs": 0.15,
            "flickr30k": 0.22,
            "coco": 0.06,
            "spans": 0.17,
            "lemmas": 0.13,
            "glosses": 0.08,
            "words": 0.04,
            "classes": 0.03,
            "emoji": 0.02,
        }
    )
    foreign: float = 0.1


@dataclass(frozen=True)
class Together:
    """Stage 4: train the text tower on the vectors of the pictures, and further on all texts.

    The numbers are those of each kind of text in a batch.
    """

    steps: int = 700
    rate: float = 1.2e-3
    captions: int = 80
    keywords: int = 64
    classes: int = 14
    scenes: int = 40
    others: Mapping[str, int] = field(
        default_factory=lambda: {
            "flickr30k": 56,
            "coco": 12,
            "spans": 44,
            "lemmas": 22,
            "glosses": 8,
            "words": 8,
            "classes": 8,
            "emoji": 2,
        }
    )
    foreign: int = 38


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of all stages.

    `languages` are trained in addition to English. By default there are none: MODEL_CARD.md gives
    their costs and benefits.
    """

    languages: tuple[str, ...] = ()
    shape: Shape = field(default_factory=Shape)
    amounts: Amounts = field(default_factory=Amounts)
    heads: Heads = field(default_factory=Heads)
    tuning: tuple[Tuning, ...] = (Tuning(), Tuning(steps=190, rate=3e-4))
    imitation: Imitation = field(default_factory=Imitation)
    together: Together = field(default_factory=Together)
