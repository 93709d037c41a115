"""Scenes: the same for the same seed, true captions, training and demonstration kept apart."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.scenes import TRAINING_SEEDS, render, scene_facts, scene_set
from retrieval.scenes.canvas import COLOURS, Pen
from retrieval.scenes.captions import phrase, truths, write_captions
from retrieval.scenes.facts import PLACES, Facts, Item
from retrieval.scenes.kinds import KINDS, Kind

BEACH = Facts("beach", "rain", Item("balloon", "red", 3), Item("dog", "white"), "CAFE")


def test_a_seed_always_draws_the_same_picture() -> None:
    one, other = render(11, size=64), render(11, size=64)
    assert one.captions == other.captions
    assert np.array_equal(np.asarray(one.image), np.asarray(other.image))


def test_seeds_differ() -> None:
    pictures = {np.asarray(render(seed, size=32).image).tobytes() for seed in range(12)}
    assert len(pictures) == 12


@pytest.mark.parametrize("size", [32, 128, 384])
def test_pictures_have_the_asked_size(size: int) -> None:
    assert render(3, size=size).image.size == (size, size)


def test_the_full_caption_says_everything() -> None:
    caption = write_captions(BEACH)[0]
    assert caption.text == (
        'three red balloons and a white dog on a beach in the rain with a sign that says "CAFE"'
    )
    assert caption.claims == truths(BEACH)


def test_every_caption_is_true_of_its_own_scene() -> None:
    for seed in range(200):
        facts = scene_facts(seed)
        assert all(caption.describes(facts) for caption in write_captions(facts))


def test_a_caption_does_not_describe_a_scene_with_another_colour_or_count() -> None:
    caption = write_captions(BEACH)[3]
    assert caption.text == "three red balloons"
    assert not caption.describes(Facts("beach", "rain", Item("balloon", "blue", 3)))
    assert not caption.describes(Facts("beach", "rain", Item("balloon", "red", 2)))
    assert caption.describes(Facts("sea", "night", Item("balloon", "red", 3)))


def test_phrases_read_well() -> None:
    assert phrase(Item("kite", "orange")) == "an orange kite"
    assert phrase(Item("butterfly", "blue", 5)) == "five blue butterflies"


def test_full_captions_are_unique_in_their_set() -> None:
    scenes = list(scene_set(60, seed=2, size=16))
    everything = [found.scene.facts for found in scenes]
    for found in scenes:
        assert found.unique[0]
        captions = write_captions(found.scene.facts)
        for caption, unique in zip(captions, found.unique, strict=True):
            assert unique == (sum(caption.describes(facts) for facts in everything) == 1)


def test_sets_and_training_share_no_seed() -> None:
    drawn = [{found.scene.seed for found in scene_set(20, seed=s, size=16)} for s in (0, 1)]
    assert not drawn[0] & drawn[1]
    assert all(seed not in TRAINING_SEEDS for seed in drawn[0] | drawn[1])


def test_every_zone_of_every_place_has_things() -> None:
    for _, zones in PLACES.values():
        assert all(any(kind.zone == zone for kind in KINDS) for zone in zones)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_draws_something_in_each_of_its_colours(kind: Kind) -> None:
    for colour in kind.colours.split():
        pen = Pen(48)
        kind.draw(pen, COLOURS[colour])
        covered = np.asarray(pen.layer)[..., 3] > 0
        assert 0.05 < covered.mean() < 0.95
