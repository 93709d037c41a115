"""Groups near duplicates around their best picture.

Rows are in the order in which pictures would be kept, best first. Each row in turn takes its
duplicates that are still free. So every member of a group has been compared with the kept picture,
which rules out chains, and no member is compared again.

The first pass joins pictures that are similar as wholes (`retrieval.duplicates.perceptual_hash`).
The second pass compares each remaining picture, as a part (`retrieval.duplicates.alignment`), with
the few whose vectors are nearest (`retrieval.duplicates.neighbours`). It skips neighbours whose
cosine is not above what is typical of a picture's nearest non-duplicate in this library. That bound
adapts to model and library, so the code contains no fixed cosine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.duplicates.alignment import correlation, part_correlation
from retrieval.duplicates.neighbours import near_pairs, nearest
from retrieval.duplicates.perceptual_hash import Pairs, PerceptualHashes, Rows, Thumbnails, turned
from retrieval.scoring.confidence import baseline_of

LIKENESS = 0.92
"""The least correlation of brightness between two aligned duplicates."""

_BLOCK = 2048
_NEIGHBOURS = 8
_SAMPLE, _SAMPLE_NEIGHBOURS = 128, 4
_FLOOR_Z = 1.0
_MIN_SAMPLE = 8


@dataclass(frozen=True, slots=True)
class Pictures:
    """The data that near duplicates are compared by, best picture first.

    `thumbnails` (n, side, side); `vectors_of` returns the unit vectors (m, dim) of m rows, zeros
    where there is none. `distinct` tells for pairs of rows, two arrays (m,), which are known not to
    be duplicates.
    """

    thumbnails: Thumbnails
    vectors_of: Callable[[Rows], NDArray[np.float16]]
    distinct: Callable[[Rows, Rows], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Grouping:
    """For each row, the row kept of its group, (n,), and its likeness to that row, 0 to 1."""

    kept: Rows
    likeness: NDArray[np.float32]


def group(pictures: Pictures, threshold: float = LIKENESS) -> Grouping:
    """Group near duplicates; `threshold` is the least likeness."""
    groups = _Groups(pictures, threshold)
    groups.join_wholes()
    groups.join_parts()
    return Grouping(groups.kept, groups.likeness)


class _Groups:
    """Groups under construction; a row that is its own `kept` is alone or the best of its group."""

    def __init__(self, pictures: Pictures, threshold: float) -> None:
        self._pictures = pictures
        self._threshold = threshold
        self._hashes = PerceptualHashes(pictures.thumbnails)
        self.kept = np.arange(len(pictures.thumbnails))
        self.likeness = np.ones(len(pictures.thumbnails), np.float32)

    def join_wholes(self) -> None:
        """Join pictures that are similar as wholes, in any orientation."""
        for start in range(0, len(self.kept), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(self.kept)))
            for pairs in self._hashes.similar_after(rows[self.kept[rows] == rows]):
                self._join(*self._accepted(pairs, self._whole_likeness(pairs)))

    def join_parts(self) -> None:
        """Join pictures that are parts of others, in the same orientation."""
        best = np.flatnonzero((self.kept == np.arange(len(self.kept))) & ~self._hashes.flat)
        vectors = self._pictures.vectors_of(best)
        near = near_pairs(vectors, _NEIGHBOURS, self._floor(best, vectors))
        pairs = Pairs(best[near.first], best[near.second])
        pairs, likeness = self._accepted(pairs, self._part_likeness(pairs))
        for first, seconds, values in _by_first(pairs, likeness):
            if self.kept[first] == first:
                free = self.kept[seconds] == seconds
                for second, like in zip(seconds[free], values[free], strict=True):
                    self._merge(first, int(second), float(like))

    def _join(self, pairs: Pairs, likeness: NDArray[np.float32]) -> None:
        for first, seconds, values in _by_first(pairs, likeness):
            if self.kept[first] == first:
                free = self.kept[seconds] == seconds
                self.kept[seconds[free]] = first
                self.likeness[seconds[free]] = values[free]

    def _merge(self, first: int, second: int, likeness: float) -> None:
        """Add a picture to a group, with those members of its own group that match, too."""
        members = np.flatnonzero(self.kept == second)
        members = members[members != second]
        self.kept[second], self.likeness[second] = first, likeness
        if not len(members):
            return
        pairs = Pairs(np.full(len(members), first), members)
        found = self._part_likeness(
            pairs, self._hashes.distances(np.full(len(members), second), members)[1]
        )
        belong = (found >= self._threshold) & ~self._pictures.distinct(pairs.first, members)
        self.kept[members[belong]] = first
        self.likeness[members[belong]] = found[belong]
        left = members[~belong]
        self.kept[left] = left
        for row in left:
            self._join_again(int(row), left[left > row])

    def _join_again(self, row: int, others: Rows) -> None:
        pairs = Pairs(np.full(len(others), row), others)
        alike = self._hashes.similar(pairs.first, pairs.second)
        pairs = Pairs(pairs.first[alike], pairs.second[alike])
        self._join(*self._accepted(pairs, self._whole_likeness(pairs)))

    def _accepted(
        self, pairs: Pairs, likeness: NDArray[np.float32]
    ) -> tuple[Pairs, NDArray[np.float32]]:
        """Return the pairs above the threshold that are not known to be distinct."""
        accepted = (likeness >= self._threshold) & ~self._pictures.distinct(
            pairs.first, pairs.second
        )
        return Pairs(pairs.first[accepted], pairs.second[accepted]), likeness[accepted]

    def _whole_likeness(self, pairs: Pairs) -> NDArray[np.float32]:
        thumbnails = self._pictures.thumbnails
        likeness = np.empty(len(pairs.first), np.float32)
        for start in range(0, len(likeness), _BLOCK):
            first, second = (each[start : start + _BLOCK] for each in (pairs.first, pairs.second))
            turns = self._hashes.distances(first, second)[1]
            likeness[start : start + _BLOCK] = correlation(
                thumbnails[first], turned(thumbnails[second], turns)
            )
        return likeness

    def _part_likeness(
        self, pairs: Pairs, turns: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Return the correlation of pairs; `turns`, indices of TURNS, turn the second of each."""
        thumbnails = self._pictures.thumbnails
        likeness = np.empty(len(pairs.first), np.float32)
        for start in range(0, len(likeness), _BLOCK):
            part = slice(start, start + _BLOCK)
            second = thumbnails[pairs.second[part]]
            second = second if turns is None else turned(second, turns[part])
            likeness[part] = part_correlation(thumbnails[pairs.first[part]], second)
        return likeness

    def _floor(self, best: Rows, vectors: NDArray[np.float16]) -> float:
        """Return the cosine above which a neighbour is worth comparing as a part."""
        if len(best) < _MIN_SAMPLE:
            return -1.0
        own = np.unique(np.linspace(0, len(best) - 1, _SAMPLE).astype(np.int64))
        near = nearest(vectors, own, _SAMPLE_NEIGHBOURS, -1.0)
        likeness = self._part_likeness(Pairs(best[near.rows], best[near.others]))
        unlike = likeness < self._threshold
        rows, firsts = np.unique(near.rows[unlike], return_index=True)
        if len(rows) < _MIN_SAMPLE:
            return -1.0
        baseline = baseline_of(near.cosines[unlike][firsts].astype(np.float64))
        return baseline.median + _FLOOR_Z * baseline.spread


def _by_first(
    pairs: Pairs, likeness: NDArray[np.float32]
) -> Iterator[tuple[int, Rows, NDArray[np.float32]]]:
    """Yield each first row of the pairs, in order, with its second rows and their likeness."""
    firsts, starts, counts = np.unique(pairs.first, return_index=True, return_counts=True)
    for first, start, end in zip(firsts, starts, starts + counts, strict=True):
        yield int(first), pairs.second[start:end], likeness[start:end]
