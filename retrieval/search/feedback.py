"""Relevance feedback: liked and disliked pictures move the query.

The query becomes a linear head (`scoring.linear_head`), like a learned concept. The fit starts from
the query's own head, whose probability is the calibrated score of `fusion`,
1 / (1 + exp(-A (z - Z0))), and a penalty pulls it back there. Without examples the order stays the
same; a few examples change it a little, and many determine it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.context import Context
from retrieval.query import Example, Query, Term, example_term
from retrieval.scoring.linear_head import BACKGROUND, Examples, Head, fit, without_liked
from retrieval.search.fusion import MIDDLE, STEEPNESS, background_of
from retrieval.search.query_vectors import EmbeddedQuery, QueryVector, embed_query
from retrieval.search.ranking import sum_of

_PULL = 0.03
"""The penalty for moving away from the query, with one example; it falls with their number."""

_UNLIKED = 0.25
"""The weight of a disliked picture, which has much in common with the liked ones."""


def with_feedback(
    query: EmbeddedQuery, like: Sequence[Example], unlike: Sequence[Example], context: Context
) -> EmbeddedQuery:
    """Return a query whose positive terms are replaced by one term, moved by the examples.

    Its negative terms stay. Raises QueryError for an example that is not in the library.
    """
    if not like and not unlike:
        return query
    with context.catalogue.reading():
        sample = context.images.sample(BACKGROUND)
        liked, unliked = _vectors(like, context), _vectors(unlike, context)
    head = moved_head(sum_of(query.positive), liked, unliked, sample)
    words = " + ".join(str(each.term) for each in query.positive)
    term = Term("concept", f"{words}, by feedback")
    moved = QueryVector(term, head.direction, baseline=head.baseline())
    return EmbeddedQuery((moved, *query.negative), query.unknown)


def moved_head(
    vector: NDArray[np.float32],
    liked: NDArray[np.float32],
    unliked: NDArray[np.float32],
    sample: NDArray[np.float32],
) -> Head:
    """Return the head of a query's unit vector (dim,), moved by (n, dim) vectors of examples.

    `sample` are vectors (n, dim) of pictures from the whole library.
    """
    background = background_of((sample @ vector)[None])
    steepness = STEEPNESS / float(background.spread[0])
    start = Head(vector, steepness, -steepness * float(background.median[0]) - STEEPNESS * MIDDLE)
    # The sample serves as counter-examples to liked pictures; without any it is not needed.
    sample = without_liked(sample, liked) if len(liked) else sample[:0]
    kinds = np.repeat([0, 1, 2], [len(liked), len(unliked), len(sample)])
    sample_weight = max(len(liked), 1) / max(len(sample), 1)
    weights = np.choose(kinds, [1.0, _UNLIKED, sample_weight])
    vectors = np.concatenate([liked, unliked, sample])
    examples = Examples(vectors, kinds == 0, weights / weights.sum(), kinds < 2)
    count = len(liked) + len(unliked) if len(liked) else _UNLIKED * len(unliked)
    return fit(examples, _PULL / count, start)


def _vectors(examples: Sequence[Example], context: Context) -> NDArray[np.float32]:
    if not examples:
        return np.empty((0, context.model.row.spec.dim), np.float32)
    query = Query(tuple(example_term(example) for example in dict.fromkeys(examples)))
    terms = embed_query(query, context.catalogue, context.model).terms
    return np.stack([each.vector for each in terms])
