"""A question with all that may come with it: a filter, groups, an order; or a filter alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.arrangement import Arrangement
from retrieval.asking.hits import SearchResult, Wanted, hit_of
from retrieval.asking.hybrid import text_side
from retrieval.asking.questions import Question
from retrieval.asking.search import search
from retrieval.asking.sureness import Fit, Gauge, calibration_of
from retrieval.confidence import unlikely_things
from retrieval.encoders.compiled.kept_texts import kept_vectors
from retrieval.errors import QueryError
from retrieval.parts import Parts

if TYPE_CHECKING:
    from retrieval.stores import Ids
    from retrieval.where import Condition


def answer(
    parts: Parts,
    question: Question | None,
    wanted: Wanted,
    where: Condition | None,
    arrangement: Arrangement,
) -> SearchResult:
    """Return what answers a question among the pictures that fit a filter.

    Without a question, all that fit are listed, newest first unless `arrangement` says otherwise.
    QueryError when there is neither.
    """
    catalogue, row = parts.catalogue, parts.model.row
    deep = replace(wanted, k=arrangement.depth(wanted.k))
    with catalogue.reading():
        if question is None:
            found = _listed(parts, deep.k, where, arrangement)
        else:
            allowed = None if where is None else catalogue.filters.ids(where, row.id)
            deep = replace(deep, allowed=allowed)
            gauge = _gauge(parts)
            found = search(catalogue, parts.nearest, question, deep, gauge, text_side(parts))
        if arrangement.is_plain:
            return found
        from retrieval.asking.arranging import arranged

        vectors = catalogue.vectors(row)
        hits = arranged(found.hits, wanted.k, arrangement, vectors.of_image)
    return replace(found, hits=hits)


def _gauge(parts: Parts) -> Gauge:
    known = parts.catalogue.nulls.of(parts.model.row.id)
    if known is None:
        return Gauge()
    calibration = calibration_of(parts.model.row.spec)
    if calibration is None:
        return Gauge(known[0])
    nearest = parts.nearest

    def others(ids: Ids) -> NDArray[np.float32]:
        unlikely = kept_vectors(parts.model.encoder(), unlikely_things())
        found: NDArray[np.float32] = nearest.vectors(ids) @ unlikely.T
        return found

    return Gauge(known[0], Fit(calibration, others))


def _listed(
    parts: Parts, count: int, where: Condition | None, arrangement: Arrangement
) -> SearchResult:
    if where is None:
        raise QueryError("the question is empty", 'ask in words, like "two dogs on a beach"')
    sort = arrangement.sort or "date-desc"
    ids = parts.catalogue.filters.listed(where, parts.model.row.id, sort).tolist()
    images = parts.catalogue.lookup.by_vector(ids[:count])
    hits = [hit_of(rank, 0.0, image) for rank, image in enumerate(images.values(), 1)]
    return SearchResult(tuple(hits), len(ids), scored=False)
