"""How sure hits are: a probability where one was fitted, words where only a baseline was measured.

Neither, where the library is too small, or the question has words that the model has never seen.
With several terms a hit has to show all of them, and it is as sure as the least sure one; of a term
that must not be there what its probability leaves to 1 counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.models.registry import require_files
from retrieval.errors import ModelError
from retrieval.scoring.calibration import (
    FILE,
    FIRST,
    Calibration,
    Phrased,
    features,
    read_calibration,
)
from retrieval.scoring.confidence import (
    POSSIBLE,
    POSSIBLE_SHARE,
    label_probabilities,
    label_shares,
    shares_beaten,
)
from retrieval.scoring.phrasings import phrasings
from retrieval.search.query_vectors import text_of

if TYPE_CHECKING:
    from retrieval.scoring.confidence import Match, ScoreBaseline, ScoreBaselines
    from retrieval.search.query_vectors import EmbeddedQuery, QueryVector
    from retrieval.search.ranking import Ranked
    from retrieval.specs import ModelSpec
    from retrieval.stores import Ids

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """A model's calibration, and what it looks at beside the scores.

    `vectors` gives the vectors (n, dim) of n ids, `unlikely` those of unlikely things (u, dim), and
    `encode` those of texts.
    """

    calibration: Calibration
    vectors: Callable[[Ids], NDArray[np.float32]]
    unlikely: Callable[[], NDArray[np.float32]]
    encode: Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """What tells how sure hits are: a library's baselines and, if its model has one, a `Fit`."""

    baselines: ScoreBaselines | None = None
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class TextHits:
    """The hits of one text: their features, (n,) each, and the calibration those are for."""

    features: Mapping[str, Floats]
    calibration: Calibration

    def at(self, rows: NDArray[np.int64]) -> TextHits:
        """Return some of the hits."""
        chosen = {name: values[rows] for name, values in self.features.items()}
        return TextHits(chosen, self.calibration)

    def strong(self) -> bool:
        """Tell whether hits, best first and at least one, show what the text tells."""
        return self.calibration.is_strong(self.features)


@dataclass(frozen=True, slots=True)
class ConceptHits:
    """The hits of one learned concept: how likely they show it (n,)."""

    likely: Floats

    def at(self, rows: NDArray[np.int64]) -> ConceptHits:
        """Return some of the hits."""
        return ConceptHits(self.likely[rows])

    def strong(self) -> bool:
        """Tell whether any of the first hits may show the concept."""
        return bool((self.likely[:FIRST] >= POSSIBLE).any())


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure n hits are: probabilities (n,), and shares (n,) of unlikely questions they beat.

    `terms` are the same hits by each text and concept that they must show: by those a whole answer
    is judged.
    """

    likely: Floats | None = None
    shares: Floats | None = None
    terms: tuple[TextHits | ConceptHits, ...] = ()

    def at(self, rows: NDArray[np.int64]) -> Sure:
        """Return how sure some of the hits are."""
        likely = None if self.likely is None else self.likely[rows]
        shares = None if self.shares is None else self.shares[rows]
        return Sure(likely, shares, tuple(each.at(rows) for each in self.terms))

    def strong(self) -> bool | None:
        """Tell whether hits, best first, answer the question at all; None where it cannot be said.

        The one place that decides it, for all who show answers. Each term has to be answered.
        """
        if self.likely is not None and len(self.likely):
            return all(each.strong() for each in self.terms)
        if self.shares is not None and len(self.shares):
            # Models differ too much for a stricter bound: a weak one finds much just above it.
            return bool((self.shares[:FIRST] >= POSSIBLE_SHARE).any())
        return None

    def words(self) -> Sequence[Match | None]:
        """Return how well each hit fits; none does strongly where the answer does not."""
        if self.likely is not None:
            found = label_probabilities(self.likely)
        elif self.shares is not None:
            found = label_shares(self.shares)
        else:
            return ()
        weaker = self.strong() is False
        return ["possible" if word == "strong" and weaker else word for word in found]


def sureness(question: EmbeddedQuery, ranked: Ranked, gauge: Gauge) -> Sure:
    """Return how sure the ranked vectors are to show what was asked."""
    if gauge.baselines is None or question.unknown:
        return Sure()
    likely, terms = _likely(question, ranked, gauge.baselines.text, gauge.fit)
    return Sure(likely, _shares(question, ranked, gauge.baselines), terms)


def _likely(
    question: EmbeddedQuery, ranked: Ranked, baseline: ScoreBaseline, fit: Fit | None
) -> tuple[Floats | None, tuple[TextHits | ConceptHits, ...]]:
    """Return probabilities (n,), None where one of the terms has none, and hits by term."""
    judged = _judged(question)
    if not all(asked.proven or (fit and asked.term.kind == "text") for _, asked in judged):
        return None, ()
    pictures = fit.vectors(ranked.ids) if fit and any(not a.proven for _, a in judged) else None
    likely = np.ones(len(ranked.ids))
    terms: list[TextHits | ConceptHits] = []
    for row, asked in judged:
        if asked.baseline is not None:
            one = shares_beaten(_z(_scores(ranked, row, asked), asked.baseline)[None], np.ones(1))
            hits: TextHits | ConceptHits = ConceptHits(one)
        else:
            assert fit is not None
            assert pictures is not None
            text, others = text_of(asked.term), pictures @ fit.unlikely().T
            phrased = Phrased(fit.encode(phrasings(text)))
            scores = _with_texts(phrased.scores(pictures), ranked, asked)
            found = features(text, scores, phrased.agreement, baseline, others)
            one = fit.calibration.hits.probability(found)
            hits = TextHits(found, fit.calibration)
        if not asked.term.negative:
            terms.append(hits)
        likely = np.minimum(likely, 1 - one if asked.term.negative else one)
    return likely, tuple(terms)


def _shares(question: EmbeddedQuery, ranked: Ranked, baselines: ScoreBaselines) -> Floats:
    judged = [(row, asked) for row, asked in _judged(question) if not asked.term.negative]
    usual = baselines.text if _worded(question) else baselines.picture
    z = [_z(_scores(ranked, row, asked), asked.baseline or usual) for row, asked in judged]
    weights = np.array([asked.term.weight for _, asked in judged], np.float64)
    return np.asarray(shares_beaten(np.array(z), weights) * ranked.presence)


def _judged(question: EmbeddedQuery) -> list[tuple[int, QueryVector]]:
    """Return the terms that hits are judged by, with their rows.

    Where there are words, they decide: an example beside them only says where to look.
    """
    worded = _worded(question)
    return [
        (row, asked)
        for row, asked in enumerate(question.terms)
        if asked.term.negative or not worded or asked.term.kind in _TOLD
    ]


_TOLD = ("text", "concept")


def _worded(question: EmbeddedQuery) -> bool:
    return any(asked.term.kind in _TOLD for asked in question.positive)


def _scores(ranked: Ranked, row: int, asked: QueryVector) -> Floats:
    return _with_texts(np.asarray(ranked.cosines[row], np.float64), ranked, asked)


def _with_texts(cosines: Floats, ranked: Ranked, asked: QueryVector) -> Floats:
    """Return a term's scores; what texts add to those of words makes them surer."""
    evidence_bonus = (
        ranked.evidence_bonus if asked.term.kind == "text" and not asked.term.negative else None
    )
    return cosines if evidence_bonus is None else cosines + evidence_bonus


def _z(scores: Floats, baseline: ScoreBaseline) -> Floats:
    return np.asarray((scores - baseline.median) / baseline.spread, np.float64)


def calibration_of(spec: ModelSpec) -> Calibration | None:
    """Return what lies beside a model and was fitted for it, None if there is nothing such."""
    try:
        folder = require_files(spec.name).folder
    except ModelError:  # its files are gone: its vectors are here
        return None
    path = os.path.join(folder, FILE) if folder else ""
    try:
        return _read(path, spec.fingerprint, os.stat(path).st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=4)
def _read(path: str, fingerprint: str, _mtime_ns: int) -> Calibration | None:
    return read_calibration(path, fingerprint)
