"""From a query vector to ranked hits."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, ImageRow

if TYPE_CHECKING:
    from retrieval.nearest import NearestVectors


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that was found.

    `rank` counts from 1. `score` is the cosine of query and picture, -1 to 1, higher is nearer.
    `path` is absolute; `copies` are other files with the very same bytes. `size` is in bytes,
    `mtime_ns` in nanoseconds since 1970, `width` and `height` in pixels as seen, `taken` EXIF's
    local time in ISO 8601 or "". `id` is the image's number in this library.
    """

    rank: int
    score: float
    path: str
    copies: tuple[str, ...]
    id: int
    sha256: str
    format: str
    width: int
    height: int
    size: int
    mtime_ns: int
    taken: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one question: hits, best first, out of `searched` pictures."""

    hits: tuple[Hit, ...]
    searched: int


def search(
    catalogue: Catalogue,
    nearest: NearestVectors,
    query: NDArray[np.float32],
    k: int,
    without: AbstractSet[int] = frozenset(),
) -> SearchResult:
    """Return the k pictures nearest to one unit vector (dim,), leaving out some image ids."""
    with catalogue.reading():
        scores, ids = nearest.search(query[None], k + len(without))
        images = catalogue.lookup.by_vector(ids[0].tolist())
        searched = nearest.count()
    hits: list[Hit] = []
    for score, vector_id in zip(scores[0].tolist(), ids[0].tolist(), strict=True):
        image = images.get(vector_id)
        if image is not None and image.id not in without and len(hits) < k:
            hits.append(_hit(len(hits) + 1, score, image))
    return SearchResult(tuple(hits), searched)


def _hit(rank: int, score: float, image: ImageRow) -> Hit:
    return Hit(
        rank=rank,
        # Vectors rounded to half floats may be a hair longer than 1.
        score=max(-1.0, min(1.0, score)),
        path=image.paths[0],
        copies=image.paths[1:],
        id=image.id,
        sha256=image.sha256,
        format=image.format,
        width=image.width,
        height=image.height,
        size=image.size,
        mtime_ns=image.mtime_ns,
        taken=image.taken,
    )
