"""From a question's vectors to vectors in order, with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import QueryError

if TYPE_CHECKING:
    from retrieval.query.options import SearchOptions
    from retrieval.search.query_vectors import EmbeddedQuery, QueryVector
    from retrieval.search.text_search import TextIndexSearch, TextQuery, TextScores
    from retrieval.stores import IdSet
    from retrieval.stores.live_index import LiveIndex

Floats = NDArray[np.float64]

DEPTH = 4096
"""Where terms are weighed against each other, so many of the nearest of each are."""

TEXTS_DEPTH = 1024
"""Where texts add to the scores of pictures, so many of the best of each are."""

_BACKGROUND = 4096
"""So many pictures of the library say what is usual for a term."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Which vectors may be ranked: `k` are wanted, all count unless `allowed` names some.

    `without` are ids of images that will be left out of what is found.
    """

    k: int
    allowed: IdSet | None = None
    without: AbstractSet[int] = frozenset()

    @property
    def depth(self) -> int:
        """How many must be found so that k are left."""
        return self.k + len(self.without)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Vectors, best first: ids (n,), scores (n,), each term's cosine and contribution (t, n)."""

    ids: NDArray[np.int64]
    scores: Floats
    cosines: Floats
    contributions: Floats
    presence: Floats  # (n,) how far negative terms leave the confidence standing, 0 to 1
    median: float = 0.0  # the background of the scores
    spread: float = 0.0
    # What texts say, what that adds to the scores, and what it adds to being sure.
    told: TextScores | None = None
    bonus: Floats | None = None
    evidence_bonus: Floats | None = None

    def at(self, order: NDArray[np.int64]) -> Ranked:
        """Return these vectors in another order, or some of them."""
        return replace(
            self,
            ids=self.ids[order],
            scores=self.scores[order],
            cosines=self.cosines[:, order],
            contributions=self.contributions[:, order],
            presence=self.presence[order],
            told=None if self.told is None else self.told.at(order),
            bonus=None if self.bonus is None else self.bonus[order],
            evidence_bonus=None if self.evidence_bonus is None else self.evidence_bonus[order],
        )

    def sorted(self) -> Ranked:
        """Return them best first, equal ones by id."""
        return self.at(np.lexsort((self.ids, -self.scores)))


def rank(
    nearest: LiveIndex,
    question: EmbeddedQuery,
    options: SearchOptions,
    candidates: Candidates,
    texts: TextIndexSearch | None,
) -> Ranked:
    """Return vectors, best first: at least as many as are wanted, where there are.

    With one term, or several added, the scan is exact. With a product or negative terms, or where
    `texts` have a say, the nearest thousands of each term and of their sum are weighed.
    Raises QueryError for a question that texts alone cannot answer, when it is put to those.
    """
    telling = _telling(question, options, candidates, texts)
    if telling is not None:
        ranked = _weighed(nearest, question, options, candidates, telling.found)
        return _with_texts(ranked, telling.scores(ranked.ids), options)
    if options.look_in == "texts":
        return _added(nearest, question, options, Candidates(0))
    if options.fuse != "multiply" and not question.negative:
        return _added(nearest, question, options, candidates)
    return _weighed(nearest, question, options, candidates, np.empty(0, np.int64))


def _telling(
    question: EmbeddedQuery,
    options: SearchOptions,
    candidates: Candidates,
    texts: TextIndexSearch | None,
) -> TextQuery | None:
    """Put the question's words to the texts; None where those have nothing to say."""
    worded = [asked for asked in question.positive if asked.term.kind == "text"]
    if options.look_in == "texts" and (not worded or options.fuse == "multiply"):
        raise QueryError(
            "texts can be searched with added words only", "leave out --in texts, or ask in words"
        )
    if texts is None or options.look_in == "pictures" or options.fuse == "multiply":
        return None
    asked = question.positive if options.fuse == "concatenate" else worded
    if not asked:
        return None
    from retrieval.search.text_search import TextQuery

    words = " ".join(each.term.value for each in worded)
    depth = max(TEXTS_DEPTH, candidates.depth)
    telling = TextQuery(texts, words, sum_of(asked), candidates.allowed, depth)
    return telling if len(telling.found) else None


def _with_texts(ranked: Ranked, told: TextScores, options: SearchOptions) -> Ranked:
    """Add what texts say to the pictures' scores."""
    from retrieval.search.fusion import PICTURE_SHARE, TEXT_SHARE, text_bonus

    evidence_bonus = text_bonus(ranked.scores, ranked.median, ranked.spread, told.evidence)
    if options.fuse == "concatenate":
        bonus = TEXT_SHARE * told.cosine
        scores, parts = PICTURE_SHARE * ranked.scores, PICTURE_SHARE * ranked.contributions
    else:
        pictures_too = options.look_in == "all"
        bonus = evidence_bonus if pictures_too else ranked.spread * told.evidence
        scores, parts = pictures_too * ranked.scores, pictures_too * ranked.contributions
    scores = scores + bonus
    all_ = replace(
        ranked,
        scores=scores,
        contributions=parts,
        told=told,
        bonus=bonus,
        evidence_bonus=evidence_bonus,
    )
    if options.look_in == "texts":
        all_ = all_.at(np.flatnonzero(told.evidence > 0))
    return all_.sorted()


def _added(
    nearest: LiveIndex, question: EmbeddedQuery, options: SearchOptions, candidates: Candidates
) -> Ranked:
    from retrieval.search.fusion import shares

    vectors, weights = _vectors(question.terms), weights_of(question.terms)
    depth = candidates.depth
    if options.min_confidence:
        depth = max(depth, DEPTH)  # some of the nearest may not be sure enough
    scores, ids = nearest.search(sum_of(question.terms)[None], depth, candidates.allowed)
    cosines = scores if len(vectors) == 1 else vectors @ nearest.vectors(ids[0]).T
    cosines = cosines.astype(np.float64)
    parts = shares(vectors, weights)[:, None] * cosines
    # Vectors rounded to half floats may be a hair longer than 1.
    added = np.clip(scores[0].astype(np.float64), -1, 1)
    return Ranked(ids[0], added, cosines, parts, np.ones(len(ids[0])))


def _weighed(
    nearest: LiveIndex,
    question: EmbeddedQuery,
    options: SearchOptions,
    candidates: Candidates,
    besides: NDArray[np.int64],
) -> Ranked:
    """Weigh the nearest of each term, and the vectors `besides`, against each other."""
    from retrieval.search.fusion import background_of, log_absent, log_present, shares

    exact = options.fuse != "multiply" and not question.negative
    depth = TEXTS_DEPTH if exact else DEPTH
    ids = np.union1d(_candidates(nearest, question, candidates, depth), besides)
    vectors, weights = _vectors(question.terms), weights_of(question.terms)
    negative = np.array([asked.term.negative for asked in question.terms])
    cosines = (vectors @ nearest.vectors(ids).T).astype(np.float64)
    usual = vectors @ nearest.sample(_BACKGROUND).T
    z = background_of(usual).z(cosines)
    absent = weights[negative, None] * log_absent(z[negative])
    if options.fuse == "multiply":
        parts = np.empty_like(cosines)
        parts[~negative] = weights[~negative, None] * log_present(z[~negative])
        parts[negative] = absent
        parts = np.asarray(parts / weights[~negative].sum())
        median, spread, scores, shown = 0.0, 0.0, np.exp(parts.sum(axis=0)), np.exp(parts)
    else:
        factors = shares(vectors[~negative], weights[~negative])
        # What a negative term takes off is in spreads: one spread of the sum makes it a cosine.
        background = background_of((factors @ usual[~negative])[None])
        median, spread = float(background.median[0]), float(background.spread[0])
        shown = np.empty_like(cosines)
        shown[~negative] = factors[:, None] * cosines[~negative]
        shown[negative] = spread * absent
        scores = shown.sum(axis=0)
    presence = np.exp(absent.sum(axis=0))
    return Ranked(ids, scores, cosines, shown, presence, median, spread).sorted()


def _candidates(
    nearest: LiveIndex, question: EmbeddedQuery, candidates: Candidates, depth: int
) -> NDArray[np.int64]:
    """Return the ids nearest to any positive term, or to their sum."""
    vectors = _vectors(question.positive)
    asked = [sum_of(question.positive), *vectors] if len(vectors) > 1 else list(vectors)
    depth = max(depth, candidates.depth)
    found = [nearest.search(vector[None], depth, candidates.allowed)[1][0] for vector in asked]
    return np.unique(np.concatenate(found))


def sum_of(terms: Sequence[QueryVector]) -> NDArray[np.float32]:
    """Return the unit vector (dim,) of terms added by weight; QueryError if they cancel out."""
    if len(terms) == 1:
        return terms[0].vector
    from retrieval.search.fusion import combined

    try:
        return combined(_vectors(terms), weights_of(terms))
    except ValueError as error:
        raise QueryError(
            "the terms of the question cancel each other out", "leave one of them out"
        ) from error


def _vectors(terms: Sequence[QueryVector]) -> NDArray[np.float32]:
    return np.stack([asked.vector for asked in terms])


def weights_of(terms: Sequence[QueryVector]) -> Floats:
    """Return the weights (t,) of terms."""
    return np.array([asked.term.weight for asked in terms], np.float64)
