"""Ranks pictures by their scores for a query's vectors."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import QueryError
from retrieval.stores.parted import PartedIndex
from retrieval.vectors import pairwise_cosines

if TYPE_CHECKING:
    from retrieval.query.options import SearchOptions
    from retrieval.query.where import Condition
    from retrieval.search.query_vectors import EmbeddedQuery, QueryVector
    from retrieval.search.text_search import TextIndex, TextQuery, TextScores
    from retrieval.stores import Ids, IdSet, Scores, VectorIndex

Floats = NDArray[np.float64]

DEPTH = 4096
"""The number of nearest pictures of each term that are scored together."""

TEXTS_DEPTH = 1024
"""The number of best pictures and of best texts that are scored if texts add to scores."""

_BACKGROUND = 4096
"""The number of sampled pictures that give a term's median score and spread."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """How many vectors to rank, `k`, and which: all, or only those in `allowed`.

    `where` is the filter that `allowed` comes from. The caller drops the images with ids in
    `without` from the result.
    """

    k: int
    allowed: IdSet | None = None
    without: AbstractSet[int] = frozenset()
    where: Condition | None = None

    @property
    def depth(self) -> int:
        """The number of vectors to find so that k remain."""
        return self.k + len(self.without)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Vectors, best first: ids (n,), scores (n,), each term's cosine and contribution (t, n).

    `presence` (n,) is the factor, 0 to 1, by which negative terms reduce the confidence. `median`
    and `spread` describe the scores of a sample of the library. `bonus` (n,) is what texts add to
    the scores, `evidence_bonus` (n,) what they add to the cosine from which confidence is computed.
    `ids` are those of pictures. `rows` (n,) are the vectors that were compared: of each picture its
    own, or that of its best part (`stores.parted`).
    """

    ids: NDArray[np.int64]
    scores: Floats
    cosines: Floats
    contributions: Floats
    presence: Floats
    median: float = 0.0
    spread: float = 0.0
    text_scores: TextScores | None = None
    bonus: Floats | None = None
    evidence_bonus: Floats | None = None
    rows: NDArray[np.int64] | None = None

    @property
    def compared(self) -> NDArray[np.int64]:
        """The ids (n,) of the vectors that were compared with the query."""
        return self.ids if self.rows is None else self.rows

    def at(self, order: NDArray[np.int64]) -> Ranked:
        """Return the vectors at these indices, in this order."""
        return replace(
            self,
            ids=self.ids[order],
            scores=self.scores[order],
            cosines=self.cosines[:, order],
            contributions=self.contributions[:, order],
            presence=self.presence[order],
            text_scores=None if self.text_scores is None else self.text_scores.at(order),
            bonus=None if self.bonus is None else self.bonus[order],
            evidence_bonus=None if self.evidence_bonus is None else self.evidence_bonus[order],
            rows=None if self.rows is None else self.rows[order],
        )

    def sorted(self) -> Ranked:
        """Return the vectors sorted by score, highest first, and then by id."""
        return self.at(np.lexsort((self.ids, -self.scores)))


def rank(
    nearest: VectorIndex,
    query: EmbeddedQuery,
    options: SearchOptions,
    candidates: Candidates,
    texts: TextIndex | None,
) -> Ranked:
    """Return vectors, best first: at least `candidates.depth` of them, if there are as many.

    One term, or several added, are answered by an exact scan. With a product, negative terms or
    matching texts, the nearest pictures of each term and of their sum are scored together.
    Raises QueryError if only texts are searched and the query has no text, or is a product.
    """
    ranked = _rank(nearest, query, options, candidates, texts)
    return _best_of_each(nearest, ranked) if isinstance(nearest, PartedIndex) else ranked


def _best_of_each(nearest: PartedIndex, ranked: Ranked) -> Ranked:
    """Keep the best vector of each picture; `ids` become those of the pictures as wholes."""
    wholes = nearest.wholes_of(ranked.ids)
    _, first = np.unique(wholes, return_index=True)
    kept = np.sort(first)
    return replace(ranked.at(kept), ids=wholes[kept], rows=ranked.ids[kept])


def _rank(
    nearest: VectorIndex,
    query: EmbeddedQuery,
    options: SearchOptions,
    candidates: Candidates,
    texts: TextIndex | None,
) -> Ranked:
    text_query = _text_query(query, options, candidates, texts)
    if text_query is not None:
        ranked = _weighed(nearest, query, options, candidates, text_query.found)
        return _with_texts(ranked, text_query.score(ranked.ids), options)
    if options.look_in == "texts":
        return _added(nearest, query, options, Candidates(0))
    if options.fuse != "multiply" and not query.negative:
        return _added(nearest, query, options, candidates)
    return _weighed(nearest, query, options, candidates, np.empty(0, np.int64))


def _text_query(
    query: EmbeddedQuery,
    options: SearchOptions,
    candidates: Candidates,
    texts: TextIndex | None,
) -> TextQuery | None:
    """Search the texts for the query's words; None if texts do not count or none matches."""
    text_terms = [each for each in query.positive if each.term.kind == "text"]
    if options.look_in == "texts" and (not text_terms or options.fuse == "multiply"):
        raise QueryError(
            "only a text query, with its terms added, can search texts",
            "leave out --in texts, or search by text",
        )
    if texts is None or options.look_in == "pictures" or options.fuse == "multiply":
        return None
    terms = query.positive if options.fuse == "concatenate" else text_terms
    if not terms:
        return None
    from retrieval.search.text_search import TextQuery

    words = " ".join(each.term.value for each in text_terms)
    depth = max(TEXTS_DEPTH, candidates.depth)
    text_query = TextQuery(texts, words, sum_of(terms), candidates.allowed, depth)
    return text_query if len(text_query.found) else None


def _with_texts(ranked: Ranked, text_scores: TextScores, options: SearchOptions) -> Ranked:
    """Return the pictures with the scores of their texts added."""
    from retrieval.search.fusion import PICTURE_SHARE, TEXT_SHARE, text_bonus

    evidence_bonus = text_bonus(ranked.scores, ranked.median, ranked.spread, text_scores.evidence)
    if options.fuse == "concatenate":
        bonus = TEXT_SHARE * text_scores.cosine
        scores, parts = PICTURE_SHARE * ranked.scores, PICTURE_SHARE * ranked.contributions
    else:
        pictures_too = options.look_in == "all"
        bonus = evidence_bonus if pictures_too else ranked.spread * text_scores.evidence
        scores, parts = pictures_too * ranked.scores, pictures_too * ranked.contributions
    scores = scores + bonus
    summed = replace(
        ranked,
        scores=scores,
        contributions=parts,
        text_scores=text_scores,
        bonus=bonus,
        evidence_bonus=evidence_bonus,
    )
    if options.look_in == "texts":
        summed = summed.at(np.flatnonzero(text_scores.evidence > 0))
    return summed.sorted()


def _added(
    nearest: VectorIndex, query: EmbeddedQuery, options: SearchOptions, candidates: Candidates
) -> Ranked:
    """Return the nearest vectors to the sum of the terms, by an exact scan."""
    from retrieval.search.fusion import shares

    vectors, weights = _vectors(query.terms), weights_of(query.terms)
    depth = candidates.depth
    if options.min_confidence:
        depth = max(depth, DEPTH)  # the filter by confidence drops some of the nearest
    scores, ids = _search(nearest, sum_of(query.terms), depth, candidates)
    cosines = scores if len(vectors) == 1 else pairwise_cosines(vectors, nearest.vectors(ids[0]))
    cosines = cosines.astype(np.float64)
    parts = shares(vectors, weights)[:, None] * cosines
    # Vectors rounded to half floats may be slightly longer than 1.
    added = np.clip(scores[0].astype(np.float64), -1, 1)
    return Ranked(ids[0], added, cosines, parts, np.ones(len(ids[0])))


def _weighed(
    nearest: VectorIndex,
    query: EmbeddedQuery,
    options: SearchOptions,
    candidates: Candidates,
    others: NDArray[np.int64],
) -> Ranked:
    """Score the nearest vectors of all terms, and those with the ids `others`, together."""
    from retrieval.search.fusion import background_of, log_absent, log_present, shares

    exact = options.fuse != "multiply" and not query.negative
    depth = TEXTS_DEPTH if exact else DEPTH
    ids = np.union1d(_candidates(nearest, query, candidates, depth), others)
    vectors, weights = _vectors(query.terms), weights_of(query.terms)
    negative = np.array([each.term.negative for each in query.terms])
    cosines = pairwise_cosines(vectors, nearest.vectors(ids)).astype(np.float64)
    sample = pairwise_cosines(vectors, nearest.sample(_BACKGROUND))
    z = background_of(sample).z(cosines)
    absent = weights[negative, None] * log_absent(z[negative])
    if options.fuse == "multiply":
        parts = np.empty_like(cosines)
        parts[~negative] = weights[~negative, None] * log_present(z[~negative])
        parts[negative] = absent
        parts = np.asarray(parts / weights[~negative].sum())
        median, spread, scores, shown = 0.0, 0.0, np.exp(parts.sum(axis=0)), np.exp(parts)
    else:
        factors = shares(vectors[~negative], weights[~negative])
        # Negative terms subtract spreads; the spread of the sum converts these to cosines.
        background = background_of((factors @ sample[~negative])[None])
        median, spread = float(background.median[0]), float(background.spread[0])
        shown = np.empty_like(cosines)
        shown[~negative] = factors[:, None] * cosines[~negative]
        shown[negative] = spread * absent
        scores = shown.sum(axis=0)
    presence = np.exp(absent.sum(axis=0))
    return Ranked(ids, scores, cosines, shown, presence, median, spread).sorted()


def _candidates(
    nearest: VectorIndex, query: EmbeddedQuery, candidates: Candidates, depth: int
) -> NDArray[np.int64]:
    """Return the ids of the nearest vectors to each positive term and to their sum."""
    vectors = _vectors(query.positive)
    targets = [sum_of(query.positive), *vectors] if len(vectors) > 1 else list(vectors)
    depth = max(depth, candidates.depth)
    found = [_search(nearest, vector, depth, candidates)[1][0] for vector in targets]
    return np.unique(np.concatenate(found))


def _search(
    nearest: VectorIndex, vector: NDArray[np.float32], depth: int, candidates: Candidates
) -> tuple[Scores, Ids]:
    return nearest.search(vector[None], depth, candidates.allowed, candidates.where)


def sum_of(terms: Sequence[QueryVector]) -> NDArray[np.float32]:
    """Return the unit vector (dim,) of the weighted sum; QueryError if the terms cancel out."""
    if len(terms) == 1:
        return terms[0].vector
    from retrieval.search.fusion import combined

    try:
        return combined(_vectors(terms), weights_of(terms))
    except ValueError as error:
        raise QueryError(
            "the terms of the query cancel each other out", "leave out one of them"
        ) from error


def _vectors(terms: Sequence[QueryVector]) -> NDArray[np.float32]:
    return np.stack([each.vector for each in terms])


def weights_of(terms: Sequence[QueryVector]) -> Floats:
    """Return the terms' weights (t,)."""
    return np.array([each.term.weight for each in terms], np.float64)
