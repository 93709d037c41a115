"""How likely hits match: a probability if the model is calibrated, otherwise only a label.

There is neither if the library is too small, or if the query has words that the model does not
know. With several terms, a hit must match all of them, so its probability is the lowest of the
terms' probabilities. A negative term counts with 1 minus its probability.
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
    PromptEnsemble,
    UnlikelyScores,
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
from retrieval.vectors import pairwise_cosines

if TYPE_CHECKING:
    from retrieval.scoring.confidence import Match, ScoreBaseline, ScoreBaselines
    from retrieval.search.query_vectors import EmbeddedQuery, QueryVector
    from retrieval.search.ranking import Ranked
    from retrieval.specs import ModelSpec
    from retrieval.stores import Ids

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CalibratedModel:
    """A model's calibration, and functions that give its other inputs.

    `vectors` returns the vectors (n, dim) of n ids, `unlikely` those of the unlikely things
    (u, dim), and `encode` those of n texts (n, dim).
    """

    calibration: Calibration
    vectors: Callable[[Ids], NDArray[np.float32]]
    unlikely: Callable[[], NDArray[np.float32]]
    encode: Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ConfidenceSource:
    """What confidences are computed from: a library's baselines, and its calibrated model.

    `baselines` is None if the library is too small, `model` if the model has no calibration.
    """

    baselines: ScoreBaselines | None = None
    model: CalibratedModel | None = None


@dataclass(frozen=True, slots=True)
class TextHits:
    """The hits of one text term: their features, (n,) each, and the calibration for these."""

    text: str
    features: Mapping[str, Floats]
    calibration: Calibration

    @property
    def probabilities(self) -> Floats:
        """The probabilities (n,) that the hits match the text."""
        return self.calibration.hits(self.text).probability(self.features)

    def at(self, rows: NDArray[np.int64]) -> TextHits:
        """Return the hits in these rows."""
        chosen = {name: values[rows] for name, values in self.features.items()}
        return TextHits(self.text, chosen, self.calibration)

    def strong(self) -> bool:
        """Return whether the hits, best first and at least one, answer the text."""
        return self.calibration.is_strong(self.features)


@dataclass(frozen=True, slots=True)
class ConceptHits:
    """The hits of one learned concept: the probabilities (n,) that they show it."""

    probabilities: Floats

    def at(self, rows: NDArray[np.int64]) -> ConceptHits:
        """Return the hits in these rows."""
        return ConceptHits(self.probabilities[rows])

    def strong(self) -> bool:
        """Return whether at least one of the first hits may show the concept."""
        return bool((self.probabilities[:FIRST] >= POSSIBLE).any())


@dataclass(frozen=True, slots=True)
class Confidences:
    """The confidence of n hits: probabilities (n,), and shares (n,) of unlikely queries they beat.

    `terms` has the same hits for each text and concept that they must match. The answer as a whole
    is judged by these.
    """

    probabilities: Floats | None = None
    shares: Floats | None = None
    terms: tuple[TextHits | ConceptHits, ...] = ()

    def at(self, rows: NDArray[np.int64]) -> Confidences:
        """Return the confidences of the hits in these rows."""
        probabilities = None if self.probabilities is None else self.probabilities[rows]
        shares = None if self.shares is None else self.shares[rows]
        return Confidences(probabilities, shares, tuple(each.at(rows) for each in self.terms))

    def strong(self) -> bool | None:
        """Return whether the hits, best first, answer the query at all; None if that is unknown.

        Every interface takes this decision from here. Each term must have strong hits.
        """
        if self.probabilities is not None and len(self.probabilities):
            return all(each.strong() for each in self.terms)
        if self.shares is not None and len(self.shares):
            # A stricter bound would not suit all models: a weak one finds much just above this one.
            return bool((self.shares[:FIRST] >= POSSIBLE_SHARE).any())
        return None

    def labels(self) -> Sequence[Match | None]:
        """Return a label for each hit; no hit is "strong" if the answer as a whole is not."""
        if self.probabilities is not None:
            found = label_probabilities(self.probabilities)
        elif self.shares is not None:
            found = label_shares(self.shares)
        else:
            return ()
        is_weak = self.strong() is False
        return ["possible" if label == "strong" and is_weak else label for label in found]


def confidences(query: EmbeddedQuery, ranked: Ranked, source: ConfidenceSource) -> Confidences:
    """Return the confidences that the ranked pictures match the query."""
    if source.baselines is None or query.unknown:
        return Confidences()
    probabilities, terms = _probabilities(query, ranked, source.baselines.text, source.model)
    return Confidences(probabilities, _shares(query, ranked, source.baselines), terms)


def _probabilities(
    query: EmbeddedQuery, ranked: Ranked, baseline: ScoreBaseline, model: CalibratedModel | None
) -> tuple[Floats | None, tuple[TextHits | ConceptHits, ...]]:
    """Return probabilities (n,), and the hits of each positive term.

    The probabilities are None if one of the terms has none.
    """
    judging = _judging_terms(query)
    if not all(each.proven or (model and each.term.kind == "text") for _, each in judging):
        return None, ()
    all_proven = all(each.proven for _, each in judging)
    pictures = model.vectors(ranked.compared) if model and not all_proven else None
    least = np.ones(len(ranked.ids))
    terms: list[TextHits | ConceptHits] = []
    for row, each in judging:
        hits: TextHits | ConceptHits
        if each.baseline is not None:
            hits = _concept_hits(ranked, row, each, each.baseline)
        else:
            assert model is not None
            assert pictures is not None
            hits = _text_hits(ranked, each, pictures, baseline, model)
        if each.term.negative:
            least = np.minimum(least, 1 - hits.probabilities)
        else:
            terms.append(hits)
            least = np.minimum(least, hits.probabilities)
    return least, tuple(terms)


def _concept_hits(
    ranked: Ranked, row: int, concept: QueryVector, baseline: ScoreBaseline
) -> ConceptHits:
    z = _z(_scores(ranked, row, concept), baseline)
    return ConceptHits(shares_beaten(z[None], np.ones(1)))


def _text_hits(
    ranked: Ranked,
    text_term: QueryVector,
    pictures: NDArray[np.float32],
    baseline: ScoreBaseline,
    model: CalibratedModel,
) -> TextHits:
    """Return the hits of a text term; `pictures` are the vectors (n, dim) of the ranked ids."""
    text = text_of(text_term.term)
    unlikely = UnlikelyScores.of(pairwise_cosines(pictures, model.unlikely()))
    ensemble = PromptEnsemble(model.encode(phrasings(text)))
    scores = _with_text_bonus(ensemble.scores(pictures), ranked, text_term)
    found = features(text, scores, ensemble.agreement, baseline, unlikely)
    return TextHits(text, found, model.calibration)


def _shares(query: EmbeddedQuery, ranked: Ranked, baselines: ScoreBaselines) -> Floats:
    """Return the shares (n,) of unlikely queries that the hits beat."""
    judging = [(row, each) for row, each in _judging_terms(query) if not each.term.negative]
    default = baselines.text if _has_words(query) else baselines.picture
    z = [_z(_scores(ranked, row, each), each.baseline or default) for row, each in judging]
    weights = np.array([each.term.weight for _, each in judging], np.float64)
    return np.asarray(shares_beaten(np.array(z), weights) * ranked.presence)


def _judging_terms(query: EmbeddedQuery) -> list[tuple[int, QueryVector]]:
    """Return the terms that hits are judged by, with their rows.

    If the query has texts or concepts, its positive example pictures do not count: they only
    move the search.
    """
    has_words = _has_words(query)
    return [
        (row, each)
        for row, each in enumerate(query.terms)
        if each.term.negative or not has_words or each.term.kind in _WORDS
    ]


_WORDS = ("text", "concept")
"""The kinds of terms that name what hits must show."""


def _has_words(query: EmbeddedQuery) -> bool:
    return any(each.term.kind in _WORDS for each in query.positive)


def _scores(ranked: Ranked, row: int, term: QueryVector) -> Floats:
    return _with_text_bonus(np.asarray(ranked.cosines[row], np.float64), ranked, term)


def _with_text_bonus(cosines: Floats, ranked: Ranked, term: QueryVector) -> Floats:
    """Return a term's scores; those of a positive text include what the pictures' texts add."""
    is_positive_text = term.term.kind == "text" and not term.term.negative
    if ranked.evidence_bonus is None or not is_positive_text:
        return cosines
    return cosines + ranked.evidence_bonus


def _z(scores: Floats, baseline: ScoreBaseline) -> Floats:
    return np.asarray((scores - baseline.median) / baseline.spread, np.float64)


def calibration_of(spec: ModelSpec) -> Calibration | None:
    """Return the calibration stored beside a model; None if there is none for this model."""
    try:
        folder = require_files(spec.name).folder
    except ModelError:  # The model's files are gone, but its vectors are still here.
        return None
    path = os.path.join(folder, FILE) if folder else ""
    try:
        return _read(path, spec.fingerprint, os.stat(path).st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=4)
def _read(path: str, fingerprint: str, _mtime_ns: int) -> Calibration | None:
    return read_calibration(path, fingerprint)
