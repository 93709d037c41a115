"""Rendered scenes: pictures that Pixtrieve draws itself, with captions true by construction.

Everything follows from a seed. Training draws from `TRAINING_SEEDS`; `scene_set` draws from seeds
above them, so a demonstration never shows a picture that the pocket model was trained on.

>>> scene = render(7, size=128)
>>> scene.captions[0]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from retrieval.scenes.captions import Caption, write_captions
from retrieval.scenes.facts import Facts, draw_facts
from retrieval.scenes.render import paint

TRAINING_SEEDS = range(1_000_000)
SET_SPACING = 1_000_000


@dataclass(frozen=True)
class Scene:
    """A picture, its captions (the full one first) and the facts they were written from."""

    seed: int
    image: Image.Image
    captions: tuple[str, ...]
    facts: Facts


@dataclass(frozen=True)
class SetScene:
    """A scene among others: which of its captions describe it and no other scene of the set."""

    scene: Scene
    unique: tuple[bool, ...]  # one for each caption; the first is always True


def render(seed: int, size: int = 384) -> Scene:
    """Draw the scene of a seed: the same picture and captions every time."""
    facts = scene_facts(seed)
    captions = tuple(caption.text for caption in write_captions(facts))
    return Scene(seed, paint(facts, np.random.default_rng((seed, 1)), size), captions, facts)


def scene_facts(seed: int) -> Facts:
    """Tell what `render` will draw for a seed, without drawing it."""
    return draw_facts(np.random.default_rng((seed, 0)))


def scene_set(count: int, seed: int = 0, size: int = 384) -> Iterator[SetScene]:
    """Yield `count` scenes of which each one's full caption describes no other scene of the set."""
    seeds = _distinct_seeds(count, seed)
    everything = [scene_facts(s) for s in seeds]
    for chosen, facts in zip(seeds, everything, strict=True):
        unique = tuple(
            sum(caption.describes(other) for other in everything) == 1
            for caption in write_captions(facts)
        )
        yield SetScene(render(chosen, size), unique)


def _distinct_seeds(count: int, seed: int) -> list[int]:
    """Choose seeds for set number `seed`, none described by the full caption of another."""
    candidate = SET_SPACING * (seed + 1)
    seeds: list[int] = []
    chosen: list[tuple[Facts, Caption]] = []
    while len(seeds) < count:
        facts = scene_facts(candidate)
        caption = write_captions(facts)[0]
        if not any(caption.describes(f) or c.describes(facts) for f, c in chosen):
            seeds.append(candidate)
            chosen.append((facts, caption))
        candidate += 1
    return seeds
