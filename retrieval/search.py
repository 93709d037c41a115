"""From a question's vectors to ranked hits."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, ImageRow
from retrieval.errors import QueryError

if TYPE_CHECKING:
    from retrieval.confidence import Nulls
    from retrieval.nearest import NearestVectors
    from retrieval.questions import Asked, Question
    from retrieval.stores import IdSet

Floats = NDArray[np.float64]

DEPTH = 4096
"""Where terms are weighed against each other, so many of the nearest of each are."""

_BACKGROUND = 4096
"""So many pictures of the library say what is usual for a term."""


@dataclass(frozen=True, slots=True)
class TermScore:
    """What one term did for a hit: its cosine, and its part of the hit's score.

    The parts of an added score sum up to it; those of a product multiply up to it.
    """

    term: str
    cosine: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that was found.

    `rank` counts from 1. `score`: higher is nearer; for one term, or several added, the cosine of
    question and picture, -1 to 1 (less what negative terms take off); for a product 0 to 1: see
    `retrieval.fusion`. `confidence`, 0 to 1, says how sure it is that the picture matches at all
    (`retrieval.confidence`), None where the library is too small to say. `terms` explains the
    score, when that was asked for. `path` is absolute; `copies` are other files with the very same
    bytes. `size` is in bytes, `mtime_ns` in nanoseconds since 1970, `width` and `height` in pixels
    as seen. `taken`, EXIF's local time in ISO 8601, `camera`, `lens`, `latitude` and `longitude`
    (degrees) are as in `retrieval.images.Origin`, "" or None where unknown. `id` is the image's
    number here.
    """

    rank: int
    score: float
    confidence: float | None
    path: str
    copies: tuple[str, ...]
    id: int
    sha256: str
    format: str
    width: int
    height: int
    size: int
    mtime_ns: int
    taken: str
    camera: str
    lens: str
    latitude: float | None
    longitude: float | None
    terms: tuple[TermScore, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one question: hits, best first, out of `searched` pictures."""

    hits: tuple[Hit, ...]
    searched: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of answer: `fuse` as in `retrieval.fusion`; `without` are image ids to leave out.

    Only vectors in `allowed` count, all if that is None. Hits below `min_confidence` are dropped.
    """

    k: int = 10
    fuse: str = "add"
    min_confidence: float = 0.0
    explain: bool = False
    without: AbstractSet[int] = frozenset()
    allowed: IdSet | None = None


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Vectors, best first: ids (n,), scores (n,), each term's cosine and contribution (t, n)."""

    ids: NDArray[np.int64]
    scores: Floats
    cosines: Floats
    contributions: Floats
    presence: Floats  # (n,) how far negative terms leave the confidence standing, 0 to 1


def search(
    catalogue: Catalogue,
    nearest: NearestVectors,
    question: Question,
    wanted: Wanted,
    nulls: Nulls | None = None,
) -> SearchResult:
    """Return the k pictures that answer a question best.

    With one term, or several added, the scan is exact. With a product or negative terms, the
    nearest `DEPTH` of each term and of their sum are weighed.
    """
    with catalogue.reading():
        ranked = _rank(nearest, question, wanted)
        images = catalogue.lookup.by_vector(ranked.ids[: wanted.k + len(wanted.without)].tolist())
        searched = nearest.count() if wanted.allowed is None else len(wanted.allowed)
    sure = _confidence(question, ranked, nulls)
    hits: list[Hit] = []
    for place, vector_id in enumerate(ranked.ids.tolist()):
        image = images.get(vector_id)
        if len(hits) == wanted.k or image is None or image.id in wanted.without:
            continue
        confidence = None if sure is None else float(sure[place])
        if confidence is not None and confidence < wanted.min_confidence:
            continue
        terms = _explained(question, ranked, place) if wanted.explain else ()
        hits.append(_hit(len(hits) + 1, float(ranked.scores[place]), confidence, image, terms))
    return SearchResult(tuple(hits), searched)


def _rank(nearest: NearestVectors, question: Question, wanted: Wanted) -> _Ranked:
    if wanted.fuse == "add" and not question.negative:
        return _added(nearest, question, wanted)
    return _weighed(nearest, question, wanted)


def _added(nearest: NearestVectors, question: Question, wanted: Wanted) -> _Ranked:
    from retrieval.fusion import shares

    vectors, weights = _vectors(question.terms), _weights(question.terms)
    depth = wanted.k + len(wanted.without)
    scores, ids = nearest.search(sum_of(question.terms)[None], depth, wanted.allowed)
    cosines = scores if len(vectors) == 1 else vectors @ nearest.vectors(ids[0]).T
    cosines = cosines.astype(np.float64)
    parts = shares(vectors, weights)[:, None] * cosines
    return _Ranked(ids[0], scores[0].astype(np.float64), cosines, parts, np.ones(len(ids[0])))


def _weighed(nearest: NearestVectors, question: Question, wanted: Wanted) -> _Ranked:
    from retrieval.fusion import background_of, log_absent, log_present, shares

    ids = _candidates(nearest, question, wanted)
    vectors, weights = _vectors(question.terms), _weights(question.terms)
    negative = np.array([asked.term.negative for asked in question.terms])
    cosines = (vectors @ nearest.vectors(ids).T).astype(np.float64)
    usual = vectors @ nearest.sample(_BACKGROUND).T
    z = background_of(usual).z(cosines)
    absent = weights[negative, None] * log_absent(z[negative])
    if wanted.fuse == "multiply":
        parts = np.empty_like(cosines)
        parts[~negative] = weights[~negative, None] * log_present(z[~negative])
        parts[negative] = absent
        parts = np.asarray(parts / weights[~negative].sum())
        scores, shown = np.exp(parts.sum(axis=0)), np.exp(parts)
    else:
        factors = shares(vectors[~negative], weights[~negative])
        # What a negative term takes off is in spreads: one spread of the sum makes it a cosine.
        spread = background_of((factors @ usual[~negative])[None]).spread[0]
        shown = np.empty_like(cosines)
        shown[~negative] = factors[:, None] * cosines[~negative]
        shown[negative] = spread * absent
        scores = shown.sum(axis=0)
    order = np.lexsort((ids, -scores))
    presence = np.exp(absent.sum(axis=0))
    return _Ranked(ids[order], scores[order], cosines[:, order], shown[:, order], presence[order])


def _candidates(nearest: NearestVectors, question: Question, wanted: Wanted) -> NDArray[np.int64]:
    """Return the ids nearest to any positive term, or to their sum."""
    vectors = _vectors(question.positive)
    asked = [sum_of(question.positive), *vectors] if len(vectors) > 1 else list(vectors)
    depth = max(DEPTH, wanted.k + len(wanted.without))
    found = [nearest.search(vector[None], depth, wanted.allowed)[1][0] for vector in asked]
    return np.unique(np.concatenate(found))


def sum_of(terms: Sequence[Asked]) -> NDArray[np.float32]:
    """Return the unit vector (dim,) of terms added by weight; QueryError if they cancel out."""
    if len(terms) == 1:
        return terms[0].vector
    from retrieval.fusion import combined

    try:
        return combined(_vectors(terms), _weights(terms))
    except ValueError as error:
        raise QueryError(
            "the terms of the question cancel each other out", "leave one of them out"
        ) from error


def _vectors(terms: Sequence[Asked]) -> NDArray[np.float32]:
    return np.stack([asked.vector for asked in terms])


def _weights(terms: Sequence[Asked]) -> Floats:
    return np.array([asked.term.weight for asked in terms], np.float64)


def _confidence(question: Question, ranked: _Ranked, nulls: Nulls | None) -> Floats | None:
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
    z = np.array([(ranked.cosines[row] - null.middle) / null.spread for row, _, null in judged])
    return confidence(z, _weights([asked for _, asked, _ in judged])) * ranked.presence


def _explained(question: Question, ranked: _Ranked, place: int) -> tuple[TermScore, ...]:
    return tuple(
        TermScore(
            ("- " if asked.term.negative else "") + str(asked.term),
            float(ranked.cosines[row, place]),
            float(ranked.contributions[row, place]),
        )
        for row, asked in enumerate(question.terms)
    )


def _hit(
    rank: int,
    score: float,
    confidence: float | None,
    image: ImageRow,
    terms: tuple[TermScore, ...],
) -> Hit:
    return Hit(
        rank=rank,
        # Vectors rounded to half floats may be a hair longer than 1.
        score=max(-1.0, min(1.0, score)),
        confidence=confidence,
        path=image.paths[0],
        copies=image.paths[1:],
        id=image.id,
        sha256=image.sha256,
        format=image.format,
        width=image.width,
        height=image.height,
        size=image.size,
        mtime_ns=image.mtime_ns,
        taken=image.taken,
        camera=image.camera,
        lens=image.lens,
        latitude=image.latitude,
        longitude=image.longitude,
        terms=terms,
    )
