"""Perceptual hashes and alignment, against brute force."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from support.patterns import pattern
from support.stores import photographs

from retrieval.duplicates.alignment import correlation, part_correlation
from retrieval.duplicates.neighbours import near_pairs, nearest
from retrieval.duplicates.perceptual_hash import TURNS, PerceptualHashes, turned
from retrieval.images.luma_thumbnail import SIDE, make_luma_thumbnail
from retrieval.images.scaling import Frame

T = Image.Transpose
Thumbnails = NDArray[np.uint8]


def thumbnails_of(*pictures: Image.Image) -> Thumbnails:
    rows = [
        np.frombuffer(make_luma_thumbnail(each, Frame.whole(each.size)), np.uint8)
        for each in pictures
    ]
    return np.stack(rows).reshape(-1, SIDE, SIDE)


def brute_force(hashes: PerceptualHashes, count: int) -> set[tuple[int, int]]:
    first, second = np.triu_indices(count, 1)
    alike = hashes.similar(first, second)
    return set(zip(first[alike].tolist(), second[alike].tolist(), strict=True))


@pytest.mark.parametrize("turn", list(T))
def test_a_turned_picture_looks_alike_and_is_turned_back(turn: Image.Transpose) -> None:
    picture = pattern(1, (90, 60))
    thumbnails = thumbnails_of(picture, picture.transpose(turn), pattern(2, (90, 60)))
    hashes = PerceptualHashes(thumbnails)
    assert brute_force(hashes, 3) == {(0, 1)}
    distances, which = hashes.distances(np.array([0]), np.array([1]))
    assert distances[0] <= 8
    assert correlation(thumbnails[:1], turned(thumbnails[1:2], which))[0] > 0.99


def test_every_turn_of_signs_is_that_of_the_thumbnail() -> None:
    thumbnails = thumbnails_of(pattern(3, (96, 96)))
    for number in range(len(TURNS)):
        both = np.concatenate([thumbnails, turned(thumbnails, np.array([number]))])
        assert PerceptualHashes(both).distances(np.array([0]), np.array([1]))[0] <= 2


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture.resize((60, 40)),
        lambda picture: picture.convert("L").convert("RGB"),
        lambda picture: picture.point([round(value * 0.6) for value in range(256)] * 3),
    ],
)
def test_size_colour_and_brightness_do_not_matter(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    picture = pattern(4, (150, 100))
    assert brute_force(PerceptualHashes(thumbnails_of(picture, change(picture))), 2) == {(0, 1)}


def test_flat_pictures_are_like_no_other() -> None:
    plain = [Image.new("RGB", (40, 30), colour) for colour in ("red", "red", "blue")]
    hashes = PerceptualHashes(thumbnails_of(*plain))
    assert hashes.flat.all()
    assert brute_force(hashes, 3) == set()
    assert not list(hashes.similar_after(np.arange(3)))


def test_a_scaled_decoding_gives_the_same_thumbnail() -> None:
    picture = pattern(5, (161, 121))
    frame = Frame((161, 121), (0, 0, 80.5, 60.5))
    part = np.frombuffer(make_luma_thumbnail(picture.reduce(2), frame), np.uint8).astype(int)
    whole = np.frombuffer(make_luma_thumbnail(picture, Frame.whole(picture.size)), np.uint8).astype(
        int
    )
    assert np.abs(part - whole).mean() < 3


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(0, 40))
def test_bands_find_what_brute_force_finds(seed: int, count: int, noise: float) -> None:
    random = np.random.default_rng(seed)
    few = random.integers(0, 256, (3, SIDE, SIDE)).astype(float)
    chosen = few[random.integers(0, 3, count)] + random.normal(0, noise, (count, SIDE, SIDE))
    thumbnails = turned(
        np.clip(chosen, 0, 255).astype(np.uint8), random.integers(0, len(TURNS), count)
    )
    hashes = PerceptualHashes(thumbnails)
    found = {
        pair
        for pairs in hashes.similar_after(np.arange(count))
        for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    }
    assert found == brute_force(hashes, count)


def test_candidates_are_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.duplicates.perceptual_hash._MAX_CANDIDATES", 50)
    hashes = PerceptualHashes(np.repeat(thumbnails_of(pattern(6)), 12, axis=0))
    pieces = list(hashes.similar_after(np.arange(12)))
    assert len(pieces) > 1
    assert sum(len(pairs.first) for pairs in pieces) == 12 * 11 / 2


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.25])
def test_a_part_agrees_with_its_whole_either_way_round(share: float) -> None:
    picture = pattern(7, (400, 300))
    cut = round(400 * share), round(300 * share)
    part = picture.crop((cut[0] // 3, cut[1] // 2, 400 - cut[0] + cut[0] // 3, 300 - cut[1] // 2))
    whole, cropped, other = (
        thumbnails_of(each) for each in (picture, part, pattern(8, (400, 300)))
    )
    assert part_correlation(whole, cropped)[0] > 0.94
    assert part_correlation(cropped, whole)[0] == pytest.approx(
        part_correlation(whole, cropped)[0], abs=1e-5
    )
    assert part_correlation(whole, other)[0] < 0.85


def test_a_flat_part_agrees_with_nothing() -> None:
    flat = np.full((1, SIDE, SIDE), 90, np.uint8)
    assert part_correlation(flat, thumbnails_of(pattern(9)))[0] < 0.5
    assert part_correlation(flat, flat)[0] < 0.5


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 6), st.floats(-1, 1))
def test_near_pairs_are_those_of_the_whole_matrix(
    seed: int, count: int, k: int, floor: float
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, 4)).astype(np.float16)
    vectors[random.integers(0, count, count // 3)] = vectors[0]  # ties
    cosines = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    np.fill_diagonal(cosines, -np.inf)
    expected = set()
    for row in range(count):
        for other in np.argsort(-cosines[row], kind="stable")[:k].tolist():
            if cosines[row, other] >= floor:
                expected.add((min(row, other), max(row, other)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrieval.duplicates.neighbours._ROWS", 7)
        patch.setattr("retrieval.duplicates.neighbours._COLUMNS", 5)
        pairs = near_pairs(vectors, k, floor)
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    # Products of blocks round differently: only pairs at the edge of k or of the floor may differ.
    for row, other in found ^ expected:
        score = cosines[row, other]
        edges = [np.sort(cosines[each])[::-1][min(k, count - 1) - 1] for each in (row, other)]
        assert min(abs(score - edge) for edge in [floor, *edges]) < 1e-4


def test_clusters_find_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are changed a little, as by a crop: nearly all are found, and nothing else."""
    vectors = photographs(1800, 32)
    changed = vectors[::3] + 0.02 * np.random.default_rng(3).normal(size=(600, 32))
    changed /= np.linalg.norm(changed, axis=1, keepdims=True)
    both = np.concatenate([vectors, changed]).astype(np.float16)
    right = near_pairs(both, 4, 0.9)
    monkeypatch.setattr("retrieval.duplicates.neighbours._ALL", 0)
    monkeypatch.setattr("retrieval.duplicates.neighbours._A_CLUSTER", 60)
    monkeypatch.setattr("retrieval.duplicates.neighbours._HELD", 1000)
    found = near_pairs(both, 4, 0.9)
    wanted, got = (
        set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        for pairs in (right, found)
    )
    assert len(wanted & got) >= 0.98 * len(wanted) > 500
    copies = {(3 * number, 1800 + number) for number in range(600)}
    assert len(copies & got) >= 0.995 * len(copies & wanted) > 150


def test_nearest_come_best_first() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0.8, 0.6]], np.float16)
    near = nearest(vectors, np.array([0]), 5, -1.0)
    assert near.others.tolist() == [2, 1]
