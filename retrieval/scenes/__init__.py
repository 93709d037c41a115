"""Rendered scenes: pictures that Pixtrieve draws, with captions that are true by construction.

A seed determines a scene. Training uses `TRAINING_SEEDS`; `scene_set` uses seeds above them, so a
demonstration never shows a picture that the pocket model was trained on.

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
    """A picture, its captions (the full one first) and the facts that define both."""

    seed: int
    image: Image.Image
    captions: tuple[str, ...]
    facts: Facts


@dataclass(frozen=True)
class SetScene:
    """A scene of a set; `unique` says for each caption whether it describes no other scene."""

    scene: Scene
    unique: tuple[bool, ...]  # the first is always True


def render(seed: int, size: int = 384) -> Scene:
    """Return the scene of a seed: `size` pixels square, always the same picture and captions."""
    facts = scene_facts(seed)
    captions = tuple(caption.text for caption in write_captions(facts))
    return Scene(seed, paint(facts, np.random.default_rng((seed, 1)), size), captions, facts)


def scene_facts(seed: int) -> Facts:
    """Return the facts of the scene that `render` draws for a seed, without drawing it."""
    return draw_facts(np.random.default_rng((seed, 0)))


def scene_set(count: int, seed: int = 0, size: int = 384) -> Iterator[SetScene]:
    """Yield `count` scenes; the full caption of each describes no other scene of the set."""
    seeds = _distinct_seeds(count, seed)
    everything = [scene_facts(s) for s in seeds]
    for chosen, facts in zip(seeds, everything, strict=True):
        unique = tuple(
            sum(caption.describes(other) for other in everything) == 1
            for caption in write_captions(facts)
        )
        yield SetScene(render(chosen, size), unique)


def _distinct_seeds(count: int, seed: int) -> list[int]:
    """Choose the seeds of set `seed`, so that no full caption describes two of their scenes."""
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
