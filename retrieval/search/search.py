"""Answers one query with its options (a filter, groups, an order), or a filter alone."""

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
from retrieval.search.confidences import (
    CalibratedModel,
    ConfidenceSource,
    calibration_of,
    confidences,
)
from retrieval.search.moments import with_moments
from retrieval.search.query_vectors import EmbeddedQuery
from retrieval.search.ranking import Candidates, Ranked, rank
from retrieval.search.results import Hit, SearchResult, TermScore, hit_of
from retrieval.search.text_search import text_index
from retrieval.stores.parted import PartedIndex

if TYPE_CHECKING:
    from retrieval.query.where import Condition

_SHOWN_EVIDENCE = 0.1
"""Hits show their texts only if these add at least this much to the score, in spreads."""


def answer(
    context: Context,
    query: EmbeddedQuery | None,
    options: SearchOptions,
    without: AbstractSet[int] = frozenset(),
) -> SearchResult:
    """Return the pictures that answer a query and match the filter of the options.

    Without a query, return all that match the filter: in the order of `options.sort`, else in that
    of the album that is asked for, else newest first.
    Leave out images with ids in `without`. Raise QueryError if there is neither.
    """
    catalogue, row, where = context.catalogue, context.model.row, options.condition
    with catalogue.reading():
        if query is None:
            found = _listed(context, options, where)
        else:
            allowed = None if where is None else catalogue.filters.ids(where, row.id)
            candidates = Candidates(options.depth, allowed, without, where)
            found = _ranked_hits(context, query, options, candidates)
        if not options.is_arranged:
            return found
        from retrieval.search.grouping import arranged

        vectors = catalogue.vectors(row)
        hits = arranged(found.hits, options, vectors.of_image)
    return replace(found, hits=hits)


def confidence_source(context: Context) -> ConfidenceSource:
    """Return what confidences are computed from in this library, with the model that it uses."""
    known = context.catalogue.baselines.of(context.model.row.id)
    if known is None:
        return ConfidenceSource()
    calibration = calibration_of(context.model.row.spec)
    if calibration is None:
        return ConfidenceSource(known[0])
    encoder = context.model.encoder
    model = CalibratedModel(
        calibration,
        vectors=context.searched.vectors,
        unlikely=lambda: cached_text_vectors(encoder(), unlikely_things()),
        encode=lambda texts: encoder().encode_texts(texts),
    )
    return ConfidenceSource(known[0], model)


def _listed(context: Context, options: SearchOptions, where: Condition | None) -> SearchResult:
    if where is None:
        raise QueryError("the query is empty", 'write a text, for example "two dogs on a beach"')
    filters, model_id = context.catalogue.filters, context.model.row.id
    ids = filters.listed(where, model_id, options.sort).tolist()
    images = context.catalogue.lookup.by_vector(ids[: options.depth])
    hits = [hit_of(rank, 0.0, image) for rank, image in enumerate(images.values(), 1)]
    return SearchResult(tuple(hits), len(ids), scored=False)


def _ranked_hits(
    context: Context, query: EmbeddedQuery, options: SearchOptions, candidates: Candidates
) -> SearchResult:
    """Return the best candidates as hits: see `ranking.rank`."""
    catalogue, index, k = context.catalogue, context.searched, candidates.k
    # The number of hits shown must not change whether the answer is strong.
    candidates = replace(candidates, k=max(k, FIRST))
    texts = text_index(context)
    ranked = rank(index, query, options, candidates, texts)
    known = confidences(query, ranked, confidence_source(context))
    if known.probabilities is not None and options.min_confidence:
        # This comes before the cut to k: with several terms, the order by confidence differs.
        kept = np.flatnonzero(known.probabilities >= options.min_confidence)
        ranked, known = ranked.at(kept), known.at(kept)
    images = catalogue.lookup.by_vector(ranked.ids[: candidates.depth].tolist())
    allowed = candidates.allowed
    searched = index.count() if allowed is None else len(allowed)
    places = [
        place
        for place, vector_id in enumerate(ranked.ids.tolist())
        if vector_id in images and images[vector_id].id not in candidates.without
    ]
    rows = np.array(places, np.int64)
    ranked, known = ranked.at(rows), known.at(rows)
    labels = known.labels()
    hits: list[Hit] = []
    for place, vector_id in enumerate(ranked.ids[:k].tolist()):
        terms = _explained(query, ranked, place) if options.explain else ()
        hit = hit_of(place + 1, float(ranked.scores[place]), images[vector_id], terms)
        if labels:
            probabilities = known.probabilities
            confidence = None if probabilities is None else float(probabilities[place])
            hit = replace(hit, confidence=confidence, match=labels[place])
        hits.append(_with_snippets(catalogue, hit, query, ranked, place))
    if isinstance(index, PartedIndex):
        hits = with_moments(context, index, query, hits, ranked.ids[:k])
    sifted = known.probabilities is not None or not options.min_confidence
    indexes = (index,) if texts is None or texts.vectors is None else (index, texts.vectors)
    return SearchResult(
        tuple(hits),
        searched,
        strong=known.strong(),
        unknown=query.unknown,
        sifted=sifted,
        damaged=sum(len(each.damaged()) for each in indexes),
    )


def _explained(query: EmbeddedQuery, ranked: Ranked, place: int) -> tuple[TermScore, ...]:
    terms = tuple(
        TermScore(
            ("- " if each.term.negative else "") + str(each.term),
            float(ranked.cosines[row, place]),
            float(ranked.contributions[row, place]),
        )
        for row, each in enumerate(query.terms)
    )
    if ranked.text_scores is None or ranked.bonus is None:
        return terms
    has_vector = ranked.text_scores.has_vector[place]
    cosine = float(ranked.text_scores.cosine[place]) if has_vector else 0.0
    return (*terms, TermScore("(its texts)", cosine, float(ranked.bonus[place])))


def _with_snippets(
    catalogue: Catalogue, hit: Hit, query: EmbeddedQuery, ranked: Ranked, place: int
) -> Hit:
    """Return a hit with the lines of its texts that match the query, if they raised its score."""
    if ranked.text_scores is None or ranked.text_scores.evidence[place] < _SHOWN_EVIDENCE:
        return hit
    from retrieval.search.text_search import snippets

    words = " ".join(each.term.value for each in query.positive if each.term.kind == "text")
    by_meaning = bool(ranked.text_scores.has_vector[place])
    lines = snippets(catalogue.texts.of_image(hit.id), words, by_meaning=by_meaning)
    return replace(hit, texts=lines)
