"""Names of regions, where the model says how likely pictures show a text."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.map.naming import names_of
from retrieval.map.regions import Level

TEXTS = ["a dog", "a cat", "snow", "a swan"]
VECTORS = np.eye(4, dtype=np.float32)
SIDES = 100
"""Pictures of each of two regions."""


def levels() -> tuple[list[Level], NDArray[np.float32]]:
    """Two regions: pictures near "dog" and "snow", and near "swan" and, less so, "cat"."""
    middles = np.array([[1, 0, 0.6, 0], [0, 0.6, 0, 1]], np.float32)
    region = np.repeat([0, 1], SIDES)
    points = middles[region] - middles.mean(axis=0)
    means = middles - middles.mean(axis=0)
    return [Level(region, means, np.array([SIDES, SIDES]))], points


def shows(*shares: list[float]) -> NDArray[np.float32]:
    """Return the probabilities (2 * SIDES, 4) of two regions with these shares of each text."""
    rows = [np.arange(SIDES)[:, None] < np.array(each) * SIDES for each in shares]
    return np.concatenate(rows).astype(np.float32)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ([0.9, 0, 0.9, 0], [0, 0.9, 0, 0.9], ["dog", "swan"]),
        ([0.3, 0, 0.9, 0], [0, 0.9, 0, 0], ["snow", "cat"]),  # the nearest text is not true
        ([0.3, 0, 0.3, 0], [0.9, 0, 0.9, 0.3], ["", ""]),  # what is true sets nothing apart
    ],
)
def test_a_name_is_what_most_pictures_show(
    first: list[float], second: list[float], names: list[str]
) -> None:
    regions, points = levels()
    probabilities = shows(first, second)
    asked: list[int] = []

    def likely(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        asked.extend(rows.tolist())
        return probabilities[rows]

    assert names_of(regions, TEXTS, VECTORS, points, likely) == [names]
    assert len(asked) == len(set(asked)) < 2 * SIDES  # some of each region stand for all
    assert {row // SIDES for row in asked} == {0, 1}


def test_a_part_has_another_name_than_the_whole() -> None:
    (whole,), points = levels()
    parts = Level(
        np.repeat([0, 1, 2], [50, 50, SIDES]), np.zeros((3, 4), np.float32), np.ones(3, np.int64)
    )
    parts.means[:] = whole.means[[0, 0, 1]]
    parts.means[1, 2] += 1
    everything = shows([1, 1, 1, 1], [1, 1, 1, 1])
    found = names_of([whole, parts], TEXTS, VECTORS, points, lambda rows: everything[rows])
    assert found[0] == ["dog", "swan"]
    assert found[1] == ["", "snow", "cat"]
