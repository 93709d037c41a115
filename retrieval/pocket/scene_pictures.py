"""Rendered training scenes as a picture set, and which captions are true of which of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.pocket.pictures import PictureSet, Pixels, cached
from retrieval.pocket.shards import Row
from retrieval.scenes import TRAINING_SEEDS, render, scene_facts
from retrieval.scenes.captions import truths, write_captions
from retrieval.scenes.facts import Facts

SIZE = 144
NEIGHBOURS = 4


def prepare_scenes(cache: Path, count: int) -> PictureSet:
    """Load the scenes of the first `count` training seeds, rendered once into the cache.

    They are sorted, so that those side by side show the same things in the same place and differ
    in colour, number or weather: a batch with neighbours in it asks for more than a rough guess.
    """
    return cached(cache / f"scenes-{count}-sorted", lambda: _render_scenes(count))


def _render_scenes(count: int) -> Iterator[tuple[Row, Pixels]]:
    for seed in sorted(TRAINING_SEEDS[:count], key=lambda seed: _likeness(scene_facts(seed))):
        scene = render(seed, SIZE)
        yield {"seed": seed, "captions": scene.captions}, np.asarray(scene.image)


def _likeness(facts: Facts) -> tuple[str, ...]:
    companion = facts.companion.name if facts.companion else ""
    return (facts.subject.name, facts.place, companion, facts.weather)


def claims_of(seeds: Sequence[int]) -> NDArray[np.bool_]:
    """Tell what is true of which scenes: (scenes, all that is true of any of them)."""
    holding = [truths(scene_facts(seed)) for seed in seeds]
    claims = sorted(frozenset().union(*holding))
    return np.array([[claim in true for claim in claims] for true in holding], np.bool_)


def true_of(seeds: Sequence[int], captions: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Tell which captions describe which scenes: (scenes, captions).

    A caption is the seed of the scene it was written for and its place among that scene's captions.
    """
    holding = [truths(scene_facts(seed)) for seed in seeds]
    claims = [write_captions(scene_facts(seed))[place].claims for seed, place in captions]
    return np.array([[claim <= true for claim in claims] for true in holding])
