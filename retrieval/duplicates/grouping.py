"""Groups of near duplicates around their best picture.

Rows stand in the order in which pictures would be kept, best first. Each takes in turn what is a
duplicate of it and not taken yet, so every member of a group was compared with the picture that
is kept: there are no chains, and what is taken is compared no more.

First come pictures that look alike as wholes (`retrieval.duplicates.perceptual_hash`). Of those
that are left, each is compared as a part (`retrieval.duplicates.alignment`) with the few whose
vectors are nearest, if they are nearer than a picture's nearest unlike neighbour mostly is in this
library: so the floor follows model and library, and no cosine is written down anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.duplicates.alignment import agreement, correlation
from retrieval.duplicates.neighbours import near_pairs, nearest
from retrieval.duplicates.perceptual_hash import Looks, Pairs, Rows, Sketches, turned
from retrieval.scoring.confidence import baseline_of

LIKENESS = 0.92
"""The least correlation of brightness, where two pictures lie upon each other, of duplicates."""

_AT_ONCE = 2048
_NEIGHBOURS = 8
_SAMPLE, _SAMPLE_NEIGHBOURS = 128, 4
_FLOOR_Z = 1.0
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Pictures:
    """What near duplicates are told by, the best picture first.

    `sketches` (n, side, side); `vectors` (n, dim) unit vectors, rows of zeros where there is none.
    `apart` says for pairs of rows, two arrays (m,), which are known not to be duplicates.
    """

    sketches: Sketches
    vectors: NDArray[np.float16]
    apart: Callable[[Rows, Rows], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Grouping:
    """For each row the row that is kept of its group, (n,), and how like that it is, 0 to 1."""

    kept: Rows
    likeness: NDArray[np.float32]


def group(pictures: Pictures, threshold: float = LIKENESS) -> Grouping:
    """Group near duplicates; `threshold` is the least likeness."""
    groups = _Groups(pictures, threshold)
    groups.join_wholes()
    groups.join_parts()
    return Grouping(groups.kept, groups.likeness)


class _Groups:
    """Groups in the making: rows that are their own `kept` are groups of one, or best of theirs."""

    def __init__(self, pictures: Pictures, threshold: float) -> None:
        self._pictures = pictures
        self._threshold = threshold
        self._looks = Looks(pictures.sketches)
        self.kept = np.arange(len(pictures.sketches))
        self.likeness = np.ones(len(pictures.sketches), np.float32)

    def join_wholes(self) -> None:
        """Join pictures that look alike, however they are turned."""
        for start in range(0, len(self.kept), _AT_ONCE):
            rows = np.arange(start, min(start + _AT_ONCE, len(self.kept)))
            for pairs in self._looks.alike_after(rows[self.kept[rows] == rows]):
                self._join(*self._close(pairs, self._whole_likeness(pairs)))

    def join_parts(self) -> None:
        """Join what is a part of a picture, upright."""
        best = np.flatnonzero((self.kept == np.arange(len(self.kept))) & ~self._looks.flat)
        vectors = self._pictures.vectors[best]
        near = near_pairs(vectors, _NEIGHBOURS, self._floor(best, vectors))
        pairs = Pairs(best[near.first], best[near.second])
        pairs, likeness = self._close(pairs, self._part_likeness(pairs))
        for first, seconds, how_like in _by_first(pairs, likeness):
            if self.kept[first] == first:
                free = self.kept[seconds] == seconds
                for second, like in zip(seconds[free], how_like[free], strict=True):
                    self._take_over(first, int(second), float(like))

    def _join(self, pairs: Pairs, likeness: NDArray[np.float32]) -> None:
        for first, seconds, how_like in _by_first(pairs, likeness):
            if self.kept[first] == first:
                free = self.kept[seconds] == seconds
                self.kept[seconds[free]] = first
                self.likeness[seconds[free]] = how_like[free]

    def _take_over(self, first: int, second: int, likeness: float) -> None:
        """Take a picture into a group, and those of its own group that belong there, too."""
        members = np.flatnonzero(self.kept == second)
        members = members[members != second]
        self.kept[second], self.likeness[second] = first, likeness
        if not len(members):
            return
        pairs = Pairs(np.full(len(members), first), members)
        found = self._part_likeness(
            pairs, self._looks.differing(np.full(len(members), second), members)[1]
        )
        belong = (found >= self._threshold) & ~self._pictures.apart(pairs.first, members)
        self.kept[members[belong]] = first
        self.likeness[members[belong]] = found[belong]
        left = members[~belong]
        self.kept[left] = left
        for row in left:
            self._join_again(int(row), left[left > row])

    def _join_again(self, row: int, others: Rows) -> None:
        pairs = Pairs(np.full(len(others), row), others)
        alike = self._looks.alike(pairs.first, pairs.second)
        pairs = Pairs(pairs.first[alike], pairs.second[alike])
        self._join(*self._close(pairs, self._whole_likeness(pairs)))

    def _close(
        self, pairs: Pairs, likeness: NDArray[np.float32]
    ) -> tuple[Pairs, NDArray[np.float32]]:
        """Return the pairs that are like enough and not known to be no duplicates."""
        close = (likeness >= self._threshold) & ~self._pictures.apart(pairs.first, pairs.second)
        return Pairs(pairs.first[close], pairs.second[close]), likeness[close]

    def _whole_likeness(self, pairs: Pairs) -> NDArray[np.float32]:
        sketches = self._pictures.sketches
        likeness = np.empty(len(pairs.first), np.float32)
        for start in range(0, len(likeness), _AT_ONCE):
            first, second = (each[start : start + _AT_ONCE] for each in (pairs.first, pairs.second))
            turns = self._looks.differing(first, second)[1]
            likeness[start : start + _AT_ONCE] = correlation(
                sketches[first], turned(sketches[second], turns)
            )
        return likeness

    def _part_likeness(
        self, pairs: Pairs, turns: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Return how well pairs agree, the second turned as `turns` (an index of TURNS) say."""
        sketches = self._pictures.sketches
        likeness = np.empty(len(pairs.first), np.float32)
        for start in range(0, len(likeness), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            second = sketches[pairs.second[part]]
            second = second if turns is None else turned(second, turns[part])
            likeness[part] = agreement(sketches[pairs.first[part]], second)
        return likeness

    def _floor(self, best: Rows, vectors: NDArray[np.float16]) -> float:
        """Return the cosine from which on a neighbour is worth a comparison of context."""
        if len(best) < _FEWEST:
            return -1.0
        own = np.unique(np.linspace(0, len(best) - 1, _SAMPLE).astype(np.int64))
        near = nearest(vectors, own, _SAMPLE_NEIGHBOURS, -1.0)
        likeness = self._part_likeness(Pairs(best[near.rows], best[near.others]))
        unlike = likeness < self._threshold
        rows, firsts = np.unique(near.rows[unlike], return_index=True)
        if len(rows) < _FEWEST:
            return -1.0
        baseline = baseline_of(near.cosines[unlike][firsts].astype(np.float64))
        return baseline.median + _FLOOR_Z * baseline.spread


def _by_first(
    pairs: Pairs, likeness: NDArray[np.float32]
) -> Iterator[tuple[int, Rows, NDArray[np.float32]]]:
    """Yield each first of the pairs, in order, with its seconds and their likeness."""
    firsts, starts, counts = np.unique(pairs.first, return_index=True, return_counts=True)
    for first, start, end in zip(firsts, starts, starts + counts, strict=True):
        yield int(first), pairs.second[start:end], likeness[start:end]
