"""A question with all that may come with it (a filter, groups, an order), or a filter alone."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from retrieval.catalogue import Catalogue
from retrieval.context import Context
from retrieval.encoders.text_cache import cached_text_vectors
from retrieval.errors import QueryError
from retrieval.query.options import SearchOptions
from retrieval.scoring.calibration import FIRST
from retrieval.scoring.confidence import unlikely_things
from retrieval.search.query_vectors import EmbeddedQuery
from retrieval.search.ranking import Candidates, Ranked, rank
from retrieval.search.results import Hit, SearchResult, TermScore, hit_of
from retrieval.search.sureness import Fit, Gauge, calibration_of, sureness
from retrieval.search.text_search import text_index_search

if TYPE_CHECKING:
    from retrieval.query.where import Condition

_TELLING = 0.1
"""Texts that add less to a picture's score, in spreads, are not shown with it."""


def answer(
    context: Context,
    question: EmbeddedQuery | None,
    options: SearchOptions,
    without: AbstractSet[int] = frozenset(),
) -> SearchResult:
    """Return what answers a question among the pictures that fit the filter of the options.

    Without a question, all that fit are listed, newest first unless `options.sort` says otherwise.
    Images with ids in `without` are left out. QueryError when there is neither.
    """
    catalogue, row, where = context.catalogue, context.model.row, options.condition
    with catalogue.reading():
        if question is None:
            found = _listed(context, options, where)
        else:
            allowed = None if where is None else catalogue.filters.ids(where, row.id)
            candidates = Candidates(options.depth, allowed, without)
            found = _ranked_hits(context, question, options, candidates)
        if not options.is_arranged:
            return found
        from retrieval.search.grouping import arranged

        vectors = catalogue.vectors(row)
        hits = arranged(found.hits, options, vectors.of_image)
    return replace(found, hits=hits)


def _gauge(context: Context) -> Gauge:
    known = context.catalogue.baselines.of(context.model.row.id)
    if known is None:
        return Gauge()
    calibration = calibration_of(context.model.row.spec)
    if calibration is None:
        return Gauge(known[0])
    encoder = context.model.encoder
    fit = Fit(
        calibration,
        vectors=context.images.vectors,
        unlikely=lambda: cached_text_vectors(encoder(), unlikely_things()),
        encode=lambda texts: encoder().encode_texts(texts),
    )
    return Gauge(known[0], fit)


def _listed(context: Context, options: SearchOptions, where: Condition | None) -> SearchResult:
    if where is None:
        raise QueryError("the question is empty", 'ask in words, like "two dogs on a beach"')
    sort = options.sort or "date-desc"
    ids = context.catalogue.filters.listed(where, context.model.row.id, sort).tolist()
    images = context.catalogue.lookup.by_vector(ids[: options.depth])
    hits = [hit_of(rank, 0.0, image) for rank, image in enumerate(images.values(), 1)]
    return SearchResult(tuple(hits), len(ids), scored=False)


def _ranked_hits(
    context: Context, question: EmbeddedQuery, options: SearchOptions, candidates: Candidates
) -> SearchResult:
    """Return the best candidates as hits: see `ranking.rank`."""
    catalogue, index, k = context.catalogue, context.images, candidates.k
    # Whether an answer is strong must not depend on how much of it is shown.
    candidates = replace(candidates, k=max(k, FIRST))
    ranked = rank(index, question, options, candidates, text_index_search(context))
    sure = sureness(question, ranked, _gauge(context))
    if sure.likely is not None and options.min_confidence:
        # Before the k best are taken: with several terms the surest are not always the first.
        kept = np.flatnonzero(sure.likely >= options.min_confidence)
        ranked, sure = ranked.at(kept), sure.at(kept)
    images = catalogue.lookup.by_vector(ranked.ids[: candidates.depth].tolist())
    allowed = candidates.allowed
    searched = index.count() if allowed is None else len(allowed)
    places = [
        place
        for place, vector_id in enumerate(ranked.ids.tolist())
        if vector_id in images and images[vector_id].id not in candidates.without
    ]
    ranked, sure = ranked.at(np.array(places, np.int64)), sure.at(np.array(places, np.int64))
    words = sure.words()
    hits: list[Hit] = []
    for place, vector_id in enumerate(ranked.ids[:k].tolist()):
        terms = _explained(question, ranked, place) if options.explain else ()
        hit = hit_of(place + 1, float(ranked.scores[place]), images[vector_id], terms)
        if words:
            likely = None if sure.likely is None else float(sure.likely[place])
            hit = replace(hit, confidence=likely, match=words[place])
        hits.append(_with_snippets(catalogue, hit, question, ranked, place))
    sifted = sure.likely is not None or not options.min_confidence
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
    return replace(hit, texts=lines)
