"""A question with all that may come with it (a filter, groups, an order), or a filter alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue
from retrieval.context import Context
from retrieval.encoders.text_cache import cached_text_vectors
from retrieval.errors import QueryError
from retrieval.query.options import Arrangement
from retrieval.scoring.confidence import unlikely_things
from retrieval.search.query_vectors import EmbeddedQuery
from retrieval.search.ranking import Ranked, rank
from retrieval.search.results import Hit, SearchResult, TermScore, Wanted, hit_of
from retrieval.search.sureness import FIRST, Fit, Gauge, calibration_of, sureness
from retrieval.search.text_search import text_index_search

if TYPE_CHECKING:
    from retrieval.query.where import Condition
    from retrieval.search.text_search import TextIndexSearch
    from retrieval.stores import Ids
    from retrieval.stores.live_index import LiveIndex

_TELLING = 0.1
"""Texts that add less to a picture's score, in spreads, are not shown with it."""


def answer(
    context: Context,
    question: EmbeddedQuery | None,
    wanted: Wanted,
    where: Condition | None,
    arrangement: Arrangement,
) -> SearchResult:
    """Return what answers a question among the pictures that fit a filter.

    Without a question, all that fit are listed, newest first unless `arrangement` says otherwise.
    QueryError when there is neither.
    """
    catalogue, row = context.catalogue, context.model.row
    deep = replace(wanted, k=arrangement.depth(wanted.k))
    with catalogue.reading():
        if question is None:
            found = _listed(context, deep.k, where, arrangement)
        else:
            allowed = None if where is None else catalogue.filters.ids(where, row.id)
            deep = replace(deep, allowed=allowed)
            gauge = _gauge(context)
            found = ranked_hits(
                catalogue, context.images, question, deep, gauge, text_index_search(context)
            )
        if arrangement.is_plain:
            return found
        from retrieval.search.grouping import arranged

        vectors = catalogue.vectors(row)
        hits = arranged(found.hits, wanted.k, arrangement, vectors.of_image)
    return replace(found, hits=hits)


def _gauge(context: Context) -> Gauge:
    known = context.catalogue.baselines.of(context.model.row.id)
    if known is None:
        return Gauge()
    calibration = calibration_of(context.model.row.spec)
    if calibration is None:
        return Gauge(known[0])
    nearest = context.images

    def others(ids: Ids) -> NDArray[np.float32]:
        unlikely = cached_text_vectors(context.model.encoder(), unlikely_things())
        found: NDArray[np.float32] = nearest.vectors(ids) @ unlikely.T
        return found

    return Gauge(known[0], Fit(calibration, others))


def _listed(
    context: Context, count: int, where: Condition | None, arrangement: Arrangement
) -> SearchResult:
    if where is None:
        raise QueryError("the question is empty", 'ask in words, like "two dogs on a beach"')
    sort = arrangement.sort or "date-desc"
    ids = context.catalogue.filters.listed(where, context.model.row.id, sort).tolist()
    images = context.catalogue.lookup.by_vector(ids[:count])
    hits = [hit_of(rank, 0.0, image) for rank, image in enumerate(images.values(), 1)]
    return SearchResult(tuple(hits), len(ids), scored=False)


def ranked_hits(
    catalogue: Catalogue,
    nearest: LiveIndex,
    question: EmbeddedQuery,
    wanted: Wanted,
    gauge: Gauge,
    texts: TextIndexSearch | None = None,
) -> SearchResult:
    """Return the k pictures that answer a question best: see `ranking.rank`."""
    with catalogue.reading():
        # How strong an answer is shall not depend on how much of it is wanted.
        ranked = rank(nearest, question, replace(wanted, k=max(wanted.k, FIRST)), texts)
        sure = sureness(question, ranked, gauge)
        if sure.likely is not None and wanted.min_confidence:
            # Before the k best are taken: with several terms the surest are not always the first.
            kept = np.flatnonzero(sure.likely >= wanted.min_confidence)
            ranked, sure = ranked.at(kept), sure.at(kept)
        depth = max(wanted.k, FIRST) + len(wanted.without)
        images = catalogue.lookup.by_vector(ranked.ids[:depth].tolist())
        searched = nearest.count() if wanted.allowed is None else len(wanted.allowed)
    places = [
        place
        for place, vector_id in enumerate(ranked.ids.tolist())
        if vector_id in images and images[vector_id].id not in wanted.without
    ]
    ranked, sure = ranked.at(np.array(places, np.int64)), sure.at(np.array(places, np.int64))
    words = sure.words()
    hits: list[Hit] = []
    for place, vector_id in enumerate(ranked.ids[: wanted.k].tolist()):
        terms = _explained(question, ranked, place) if wanted.explain else ()
        hit = hit_of(place + 1, float(ranked.scores[place]), images[vector_id], terms)
        if words:
            likely = None if sure.likely is None else float(sure.likely[place])
            hit = replace(hit, confidence=likely, match=words[place])
        hits.append(_with_snippets(catalogue, hit, question, ranked, place))
    sifted = sure.likely is not None or not wanted.min_confidence
    return SearchResult(
        tuple(hits), searched, strong=sure.strong(), unknown=question.unknown, sifted=sifted
    )


def _explained(question: EmbeddedQuery, ranked: Ranked, place: int) -> tuple[TermScore, ...]:
    terms = tuple(
        TermScore(
            ("- " if asked.term.negative else "") + str(asked.term),
            float(ranked.cosines[row, place]),
            float(ranked.contributions[row, place]),
        )
        for row, asked in enumerate(question.terms)
    )
    if ranked.told is None or ranked.bonus is None:
        return terms
    cosine, more = float(ranked.told.cosine[place]), float(ranked.bonus[place])
    return (*terms, TermScore("(its texts)", cosine if ranked.told.has[place] else 0.0, more))


def _with_snippets(
    catalogue: Catalogue, hit: Hit, question: EmbeddedQuery, ranked: Ranked, place: int
) -> Hit:
    """Return a hit with the lines of its texts that fit the question, if texts had a say."""
    if ranked.told is None or ranked.told.evidence[place] < _TELLING:
        return hit
    from retrieval.search.text_search import snippets

    words = " ".join(each.term.value for each in question.positive if each.term.kind == "text")
    lines = snippets(catalogue.texts.of_image(hit.id), words, meant=bool(ranked.told.has[place]))
    return replace(hit, score=float(ranked.scores[place]), texts=lines)
