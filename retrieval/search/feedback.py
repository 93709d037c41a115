"""Relevance feedback: what a person likes and does not like among the hits turns the question.

The same head that a concept is learned with (`heads`), but pulled towards the question's own: that
one says of a picture what the calibrated score of `fusion` says, 1 / (1 + exp(-A (z - Z0))). So
without feedback the order stays as it is, a few examples move it, many have their way.
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
"""The penalty, for one example, for what leads away from the question."""

_LEAST_SPREAD = 0.01
"""In a handful of pictures all may score alike; no model's cosines lie that near in a library."""

_UNLIKED = 0.25
"""Hits that are not liked share most with those that are: they count for less."""


def with_feedback(
    question: EmbeddedQuery, like: Sequence[Example], unlike: Sequence[Example], context: Context
) -> EmbeddedQuery:
    """Return a question whose positive terms have become one, turned by the examples.

    Its negative terms stay. Raises QueryError for an example that is not in the library.
    """
    if not like and not unlike:
        return question
    with context.catalogue.reading():
        usual = context.images.sample(BACKGROUND)
        liked, unliked = _vectors(like, context), _vectors(unlike, context)
    head = turned(sum_of(question.positive), liked, unliked, usual)
    words = " + ".join(str(asked.term) for asked in question.positive)
    term = Term("concept", f"{words}, by feedback")
    turned_one = QueryVector(term, head.direction, baseline=head.baseline())
    return EmbeddedQuery((turned_one, *question.negative), question.unknown)


def turned(
    vector: NDArray[np.float32],
    liked: NDArray[np.float32],
    unliked: NDArray[np.float32],
    usual: NDArray[np.float32],
) -> Head:
    """Return the head of a question's unit vector (dim,), turned by (n, dim) vectors of examples.

    `usual` are pictures from all over the library.
    """
    background = background_of((usual @ vector)[None])
    steepness = STEEPNESS / max(float(background.spread[0]), _LEAST_SPREAD)
    start = Head(vector, steepness, -steepness * float(background.median[0]) - STEEPNESS * MIDDLE)
    # Against what is not liked alone, pictures from all over the library would only stand by.
    usual = without_liked(usual, liked) if len(liked) else usual[:0]
    kinds = np.repeat([0, 1, 2], [len(liked), len(unliked), len(usual)])
    faint = max(len(liked), 1) / max(len(usual), 1)
    weights = np.choose(kinds, [1.0, _UNLIKED, faint])
    vectors = np.concatenate([liked, unliked, usual])
    examples = Examples(vectors, kinds == 0, weights / weights.sum(), kinds < 2)
    heard = len(liked) + len(unliked) if len(liked) else _UNLIKED * len(unliked)
    return fit(examples, _PULL / heard, start)


def _vectors(examples: Sequence[Example], context: Context) -> NDArray[np.float32]:
    if not examples:
        return np.empty((0, context.model.row.spec.dim), np.float32)
    query = Query(tuple(example_term(example) for example in dict.fromkeys(examples)))
    asked = embed_query(query, context.catalogue, context.model).terms
    return np.stack([each.vector for each in asked])
