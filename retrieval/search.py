"""From a question's vectors to ranked hits."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, ImageRow
from retrieval.errors import QueryError

if TYPE_CHECKING:
    from retrieval.confidence import Nulls
    from retrieval.hybrid import Snippet, Telling, TextSide, Told
    from retrieval.nearest import NearestVectors
    from retrieval.questions import Asked, Question
    from retrieval.stores import IdSet

Floats = NDArray[np.float64]

DEPTH = 4096
"""Where terms are weighed against each other, so many of the nearest of each are."""

_TELLING = 0.1
"""Texts that add less to a picture's score, in spreads, are not shown with it."""

LookIn = Literal["all", "pictures", "texts"]

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
class Member:
    """A picture that is not shown, for a better one of its group is; as in `Hit`."""

    id: int
    path: str
    score: float


@dataclass(frozen=True, slots=True)
class Group:
    """What a hit stands for: a day, a folder, or a burst, and the others of it, best first."""

    name: str
    others: tuple[Member, ...]


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
    number here. `texts` are the lines of the picture's texts that fit the question, if any; they
    may have raised `score` above the cosine. `group` is set where groups were asked for.
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
    group: Group | None = None
    texts: tuple[Snippet, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one question: hits, best first, out of `searched` pictures.

    With a filter, `searched` are those that fit it. Where nothing but a filter was given, nothing
    is `scored`: all scores are 0.
    """

    hits: tuple[Hit, ...]
    searched: int
    scored: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of answer: `fuse` as in `retrieval.fusion`; `without` are image ids to leave out.

    Only vectors in `allowed` count, all if that is None. Hits below `min_confidence` are dropped.
    `look_in` says what is compared with the question's words: pictures, their texts, or both.
    """

    k: int = 10
    fuse: str = "add"
    min_confidence: float = 0.0
    explain: bool = False
    without: AbstractSet[int] = frozenset()
    allowed: IdSet | None = None
    look_in: LookIn = "all"


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Vectors, best first: ids (n,), scores (n,), each term's cosine and contribution (t, n)."""

    ids: NDArray[np.int64]
    scores: Floats
    cosines: Floats
    contributions: Floats
    presence: Floats  # (n,) how far negative terms leave the confidence standing, 0 to 1
    spread: float = 0.0  # of the pictures' scores
    told: Told | None = None  # what texts say, and what that adds to the scores
    bonus: Floats | None = None

    def at(self, order: NDArray[np.int64]) -> _Ranked:
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
        )

    def sorted(self) -> _Ranked:
        """Return them best first, equal ones by id."""
        return self.at(np.lexsort((self.ids, -self.scores)))


def search(
    catalogue: Catalogue,
    nearest: NearestVectors,
    question: Question,
    wanted: Wanted,
    nulls: Nulls | None = None,
    texts: TextSide | None = None,
) -> SearchResult:
    """Return the k pictures that answer a question best.

    With one term, or several added, the scan is exact. With a product or negative terms, or where
    `texts` have something to say, the nearest `DEPTH` of each term and of their sum are weighed.
    Raises QueryError for a question that texts alone cannot answer, when it is put to those.
    """
    with catalogue.reading():
        ranked = _rank(nearest, question, wanted, _telling(question, wanted, texts))
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
        hit = hit_of(len(hits) + 1, float(ranked.scores[place]), confidence, image, terms)
        hits.append(_with_snippets(catalogue, hit, question, ranked, place))
    return SearchResult(tuple(hits), searched)


def _rank(
    nearest: NearestVectors, question: Question, wanted: Wanted, telling: Telling | None
) -> _Ranked:
    if telling is not None:
        ranked = _weighed(nearest, question, wanted, telling.found())
        return _with_texts(ranked, telling.told(ranked.ids), wanted)
    if wanted.look_in == "texts":
        return _added(nearest, question, replace(wanted, k=0, without=frozenset()))
    if wanted.fuse != "multiply" and not question.negative:
        return _added(nearest, question, wanted)
    return _weighed(nearest, question, wanted, np.empty(0, np.int64))


def _telling(question: Question, wanted: Wanted, texts: TextSide | None) -> Telling | None:
    """Put the question's words to the texts; None where those have nothing to say."""
    worded = [asked for asked in question.positive if asked.term.kind == "text"]
    if wanted.look_in == "texts" and (not worded or wanted.fuse == "multiply"):
        raise QueryError(
            "texts can be searched with added words only", "leave out --in texts, or ask in words"
        )
    if texts is None or wanted.look_in == "pictures" or wanted.fuse == "multiply":
        return None
    asked = question.positive if wanted.fuse == "concatenate" else worded
    if not asked:
        return None
    from retrieval.hybrid import Telling

    words = " ".join(each.term.value for each in worded)
    telling = Telling(texts, words, sum_of(asked), wanted.allowed)
    return telling if len(telling.found()) else None


def _with_texts(ranked: _Ranked, told: Told, wanted: Wanted) -> _Ranked:
    """Add what texts say to the pictures' scores."""
    from retrieval.fusion import PICTURE_SHARE, TEXT_SHARE

    if wanted.fuse == "concatenate":
        bonus = TEXT_SHARE * told.cosine
        scores, parts = PICTURE_SHARE * ranked.scores, PICTURE_SHARE * ranked.contributions
    else:
        bonus = ranked.spread * told.evidence
        share = 0.0 if wanted.look_in == "texts" else 1.0
        scores, parts = share * ranked.scores, share * ranked.contributions
    all_ = replace(ranked, scores=scores + bonus, contributions=parts, told=told, bonus=bonus)
    if wanted.look_in == "texts":
        all_ = all_.at(np.flatnonzero(told.evidence > 0))
    return all_.sorted()


def _added(nearest: NearestVectors, question: Question, wanted: Wanted) -> _Ranked:
    from retrieval.fusion import shares

    vectors, weights = _vectors(question.terms), _weights(question.terms)
    depth = wanted.k + len(wanted.without)
    scores, ids = nearest.search(sum_of(question.terms)[None], depth, wanted.allowed)
    cosines = scores if len(vectors) == 1 else vectors @ nearest.vectors(ids[0]).T
    cosines = cosines.astype(np.float64)
    parts = shares(vectors, weights)[:, None] * cosines
    return _Ranked(ids[0], scores[0].astype(np.float64), cosines, parts, np.ones(len(ids[0])))


def _weighed(
    nearest: NearestVectors, question: Question, wanted: Wanted, besides: NDArray[np.int64]
) -> _Ranked:
    """Weigh the nearest of each term, and the vectors `besides`, against each other."""
    from retrieval.fusion import background_of, log_absent, log_present, shares

    ids = np.union1d(_candidates(nearest, question, wanted), besides)
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
        spread, scores, shown = 0.0, np.exp(parts.sum(axis=0)), np.exp(parts)
    else:
        factors = shares(vectors[~negative], weights[~negative])
        # What a negative term takes off is in spreads: one spread of the sum makes it a cosine.
        spread = float(background_of((factors @ usual[~negative])[None]).spread[0])
        shown = np.empty_like(cosines)
        shown[~negative] = factors[:, None] * cosines[~negative]
        shown[negative] = spread * absent
        scores = shown.sum(axis=0)
    presence = np.exp(absent.sum(axis=0))
    return _Ranked(ids, scores, cosines, shown, presence, spread).sorted()


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
    # What texts add to the score of words makes it as much surer.
    more = 0.0 if ranked.told is None else ranked.spread * ranked.told.evidence
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
    return confidence(z, _weights([asked for _, asked, _ in judged])) * ranked.presence


def _explained(question: Question, ranked: _Ranked, place: int) -> tuple[TermScore, ...]:
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
    catalogue: Catalogue, hit: Hit, question: Question, ranked: _Ranked, place: int
) -> Hit:
    """Return a hit with the lines of its texts that fit the question, if texts had a say."""
    if ranked.told is None or ranked.told.evidence[place] < _TELLING:
        return hit
    from retrieval.hybrid import snippets

    words = " ".join(each.term.value for each in question.positive if each.term.kind == "text")
    lines = snippets(catalogue.texts.of_image(hit.id), words, meant=bool(ranked.told.has[place]))
    return replace(hit, score=float(ranked.scores[place]), texts=lines)


def hit_of(
    rank: int,
    score: float,
    confidence: float | None,
    image: ImageRow,
    terms: tuple[TermScore, ...] = (),
) -> Hit:
    """Return an image as a hit."""
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
