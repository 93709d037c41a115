"""Arranges hits: groups them, selects different ones, and sorts them.

The best `GROUPED` hits (`query.options`) are grouped, and each group is shown by its best hit. A
burst is a series of pictures by one camera, in which each was taken at most `BURST_SECONDS` after
the one before and has a cosine of `BURST_COSINE` or more to it. Different hits are selected from
the best `DIVERSE` by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): each step
selects the picture i with the largest

    r_i / 2 - max over the selected j of s_ij / 2

r_i is its score, scaled so that all scores range from 0 to 1, and
s_ij = max(0, (c - m) / (1 - m)). c is the cosine of two pictures and m the median cosine of two
candidates, because even unrelated pictures have cosines far above 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retrieval.query.fields import names_of_people, place_name
from retrieval.query.options import DIVERSE, Grouping, SearchOptions, Sort
from retrieval.query.where.matching import fold
from retrieval.search.results import Group, Hit, Member

BURST_SECONDS = 3.0
BURST_COSINE = 0.9

VectorOf = Callable[[int], NDArray[np.float32] | None]


def arranged(hits: Sequence[Hit], options: SearchOptions, vector_of: VectorOf) -> tuple[Hit, ...]:
    """Return `options.k` of the hits (best first), grouped and sorted.

    `vector_of` returns the unit vector (dim,) of an image id.
    """
    left, k = list(hits), options.k
    if options.group:
        left = _grouped(left, options.group, vector_of)
    if options.diverse and len(left) > 1:
        left = left[: max(DIVERSE, 4 * k)]
        scores = np.array([hit.score for hit in left])
        left = [left[i] for i in different(_vectors(left, vector_of), scores, k)]
    left = [replace(hit, rank=rank) for rank, hit in enumerate(left[:k], 1)]
    return tuple(_sorted(left, options.sort))


def different(vectors: NDArray[np.float32], scores: NDArray[np.float64], k: int) -> list[int]:
    """Return the indices of k of n candidates: (n, dim) unit vectors, (n,) scores, best first."""
    spread = float(scores.max() - scores.min())
    relevance = (scores - scores.min()) / (spread or 1.0)
    cosines = vectors @ vectors.T
    median = min(float(np.median(cosines[~np.eye(len(vectors), dtype=bool)])), 0.999)
    alike = np.maximum((cosines - median) / (1 - median), 0.0)
    nearest = np.zeros(len(vectors))
    picked: list[int] = []
    for _ in range(min(k, len(vectors))):
        gain = relevance - nearest
        gain[picked] = -np.inf
        picked.append(int(gain.argmax()))
        nearest = np.maximum(nearest, alike[picked[-1]])
    return picked


def _grouped(hits: Sequence[Hit], grouping: Grouping, vector_of: VectorOf) -> list[Hit]:
    """Return the best hit of each group, with the group's other hits."""
    if grouping == "burst":
        names = _burst_names(hits, vector_of)
    else:
        names = {hit.id: _NAME_OF[grouping](hit) for hit in hits}
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        # A picture without a date, a place or people is a group of its own.
        groups.setdefault(names.get(hit.id) or f"\0{hit.id}", []).append(hit)
    return [
        replace(best, group=Group(names.get(best.id, ""), _members(others)))
        for best, *others in groups.values()
    ]


_NAME_OF: dict[str, Callable[[Hit], str]] = {
    "day": lambda hit: hit.date[:10],
    "folder": lambda hit: os.path.dirname(hit.path),
    "place": place_name,
    "person": names_of_people,
}


def _burst_names(hits: Sequence[Hit], vector_of: VectorOf) -> dict[int, str]:
    """Return a unique name of each dated picture's burst, which starts with the burst's time."""
    dated = sorted(
        (hit for hit in hits if "T" in hit.taken), key=lambda h: (h.camera, h.taken, h.path)
    )
    names: dict[int, str] = {}
    before: Hit | None = None
    for hit in dated:
        together = before is not None and _in_burst(before, hit, vector_of)
        names[hit.id] = names[before.id] if before and together else f"{hit.taken} #{hit.id}"
        before = hit
    return names


def _in_burst(before: Hit, hit: Hit, vector_of: VectorOf) -> bool:
    gap = datetime.fromisoformat(hit.taken) - datetime.fromisoformat(before.taken)
    if before.camera != hit.camera or gap.total_seconds() > BURST_SECONDS:
        return False
    first, second = _vectors([before, hit], vector_of)
    return float(first @ second) >= BURST_COSINE


def _members(others: Iterable[Hit]) -> tuple[Member, ...]:
    return tuple(Member(hit.id, hit.path, hit.score) for hit in others)


def _sorted(hits: list[Hit], sort: Sort | None) -> list[Hit]:
    if sort == "name":
        return sorted(hits, key=lambda hit: fold(os.path.basename(hit.path)))
    if sort == "size":
        return sorted(hits, key=lambda hit: -hit.size)
    if sort is not None:
        return sorted(hits, key=lambda hit: hit.date, reverse=sort == "date-desc")
    return hits


def _vectors(hits: Sequence[Hit], vector_of: VectorOf) -> NDArray[np.float32]:
    found = [vector_of(hit.id) for hit in hits]
    return np.stack([vector for vector in found if vector is not None])
