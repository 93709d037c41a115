"""Finds the moments of a video that a question asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import PARTS, Catalogue, ModelRow
from retrieval.context import Context
from retrieval.images.parts import seconds_of
from retrieval.search.query_vectors import EmbeddedQuery
from retrieval.search.ranking import sum_of
from retrieval.search.results import Hit, Moment
from retrieval.stores.parted import PartedIndex

_MOST = 5
_BACKGROUND = 2048


def moments_of(catalogue: Catalogue, row: ModelRow, image_id: int) -> tuple[float, ...]:
    """Return the seconds at which the moments of a video begin, rising; () for a picture."""
    found = (seconds_of(view) for view in catalogue.vectors(row, PARTS).views_of_image(image_id))
    return tuple(sorted(at for at in found if at is not None))


def with_moments(
    context: Context,
    index: PartedIndex,
    query: EmbeddedQuery,
    hits: Sequence[Hit],
    ids: NDArray[np.int64],
) -> list[Hit]:
    """Return the hits, videos among them with their best moments; `ids` (n,) are their vectors."""
    views = context.catalogue.vectors(context.model.row, PARTS)
    wanted = sum_of(query.positive)
    usual = float(np.median(index.sample(_BACKGROUND) @ wanted))
    found = []
    for hit, whole in zip(hits, ids.tolist(), strict=True):
        if hit.duration is None:
            found.append(hit)
            continue
        parts = index.parts_of(whole)
        scores = index.vectors(parts) @ wanted
        seconds = [seconds_of(view) for view in views.views_of(parts)]
        found.append(replace(hit, moments=_best(seconds, scores, hit.duration, usual)))
    return found


def _best(
    seconds: Sequence[float | None], scores: NDArray[np.float32], duration: float, usual: float
) -> tuple[Moment, ...]:
    """Return the best moments, best first; each ends where the next one of the video begins.

    Those are left out that are nearer to the `usual` score than to that of the best.
    """
    begins = sorted(at for at in seconds if at is not None)
    ends = dict(zip(begins, [*begins[1:], max(duration, *begins, 0.0)], strict=True))
    pairs = zip(seconds, scores.tolist(), strict=True)
    timed = [(at, score) for at, score in pairs if at is not None]
    timed.sort(key=lambda each: (-each[1], each[0]))
    least = (usual + timed[0][1]) / 2 if timed else 0.0
    kept = [each for each in timed[:_MOST] if each[1] >= least] or timed[:1]
    return tuple(Moment(at, ends[at], score) for at, score in kept)
