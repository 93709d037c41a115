"""From a question's vectors to ranked hits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.asking.hits import Hit, SearchResult, TermScore, Wanted, hit_of
from retrieval.asking.ranking import Ranked, rank, weights_of
from retrieval.catalogue import Catalogue

if TYPE_CHECKING:
    from retrieval.asking.hybrid import TextSide
    from retrieval.asking.nearest import NearestVectors
    from retrieval.asking.questions import Question
    from retrieval.confidence import Nulls

Floats = NDArray[np.float64]

_TELLING = 0.1
"""Texts that add less to a picture's score, in spreads, are not shown with it."""


def search(
    catalogue: Catalogue,
    nearest: NearestVectors,
    question: Question,
    wanted: Wanted,
    nulls: Nulls | None = None,
    texts: TextSide | None = None,
) -> SearchResult:
    """Return the k pictures that answer a question best: see `ranking.rank`."""
    with catalogue.reading():
        ranked = rank(nearest, question, wanted, texts)
        sure = _confidence(question, ranked, nulls)
        if sure is not None and wanted.min_confidence:
            # Before the k best are taken: with several terms the surest are not always the first.
            kept = np.flatnonzero(sure >= wanted.min_confidence)
            ranked, sure = ranked.at(kept), sure[kept]
        images = catalogue.lookup.by_vector(ranked.ids[: wanted.k + len(wanted.without)].tolist())
        searched = nearest.count() if wanted.allowed is None else len(wanted.allowed)
    hits: list[Hit] = []
    for place, vector_id in enumerate(ranked.ids.tolist()):
        image = images.get(vector_id)
        if len(hits) == wanted.k or image is None or image.id in wanted.without:
            continue
        confidence = None if sure is None else float(sure[place])
        terms = _explained(question, ranked, place) if wanted.explain else ()
        hit = hit_of(len(hits) + 1, float(ranked.scores[place]), confidence, image, terms)
        hits.append(_with_snippets(catalogue, hit, question, ranked, place))
    return SearchResult(tuple(hits), searched)


def _confidence(question: Question, ranked: Ranked, nulls: Nulls | None) -> Floats | None:
    if nulls is None:
        return None
    from retrieval.confidence import confidence

    # Where there are words, they decide: an example beside them only says where to look.
    told = ("text", "concept")
    worded = any(asked.term.kind in told for asked in question.positive)
    usual = nulls.text if worded else nulls.picture
    judged = [
        (row, asked, asked.null or usual)
        for row, asked in enumerate(question.terms)
        if not asked.term.negative and (asked.term.kind in told or not worded)
    ]
    # What texts add to the score of words makes it as much surer.
    more = 0.0 if ranked.surer is None else ranked.surer
    cosines = [
        ranked.cosines[row] + (more if asked.term.kind == "text" else 0.0)
        for row, asked, _ in judged
    ]
    z = np.array(
        [
            (cosine - null.middle) / null.spread
            for cosine, (_, _, null) in zip(cosines, judged, strict=True)
        ]
    )
    return confidence(z, weights_of([asked for _, asked, _ in judged])) * ranked.presence


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
