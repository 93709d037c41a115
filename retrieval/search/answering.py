"""Answers queries of any form: embeds them together, then answers them one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.context import Context
from retrieval.images import ReadLimits
from retrieval.query.options import SearchOptions
from retrieval.search.query_vectors import EmbeddedQuery, as_query, embed_queries
from retrieval.search.ranking import sum_of
from retrieval.search.results import SearchResult
from retrieval.search.search import answer

if TYPE_CHECKING:
    from retrieval.search.query_vectors import Askable


def answer_all(
    context: Context,
    asked: Sequence[Askable | None],
    options: SearchOptions,
    limits: ReadLimits | None = None,
) -> list[SearchResult]:
    """Answer queries in their order; None lists what matches the filter: see `Library.search`."""
    queries = [as_query(each) for each in asked if each is not None]
    embedded = iter(embed_queries(queries, context.catalogue, context.model, limits))
    return [_answer(context, None if each is None else next(embedded), options) for each in asked]


def embed(
    context: Context, asked: Askable, limits: ReadLimits | None = None
) -> NDArray[np.float32]:
    """Return the unit vector (dim,) of the weighted sum of a query's positive terms."""
    (query,) = embed_queries([as_query(asked)], context.catalogue, context.model, limits)
    return sum_of(query.positive)


def _answer(context: Context, query: EmbeddedQuery | None, options: SearchOptions) -> SearchResult:
    if query is not None and (options.like or options.unlike):
        from retrieval.search.feedback import with_feedback

        query = with_feedback(query, options.like, options.unlike, context)
    terms = () if query is None or options.include_self else query.terms
    own = {term.image_id for term in terms if term.image_id is not None}
    return answer(context, query, options, own)
