"""From a question's vectors to ranked hits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from retrieval.asking.hits import Hit, SearchResult, TermScore, Wanted, hit_of
from retrieval.asking.ranking import Ranked, rank
from retrieval.asking.sureness import FIRST, Gauge, sureness
from retrieval.catalogue import Catalogue

if TYPE_CHECKING:
    from retrieval.asking.hybrid import TextSide
    from retrieval.asking.nearest import NearestVectors
    from retrieval.asking.questions import Question

_TELLING = 0.1
"""Texts that add less to a picture's score, in spreads, are not shown with it."""


def search(
    catalogue: Catalogue,
    nearest: NearestVectors,
    question: Question,
    wanted: Wanted,
    gauge: Gauge,
    texts: TextSide | None = None,
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


def _explained(question: Question, ranked: Ranked, place: int) -> tuple[TermScore, ...]:
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
    catalogue: Catalogue, hit: Hit, question: Question, ranked: Ranked, place: int
) -> Hit:
    """Return a hit with the lines of its texts that fit the question, if texts had a say."""
    if ranked.told is None or ranked.told.evidence[place] < _TELLING:
        return hit
    from retrieval.asking.hybrid import snippets

    words = " ".join(each.term.value for each in question.positive if each.term.kind == "text")
    lines = snippets(catalogue.texts.of_image(hit.id), words, meant=bool(ranked.told.has[place]))
    return replace(hit, score=float(ranked.scores[place]), texts=lines)
