"""How sure hits are: a probability where one was fitted, words where only a baseline was measured.

Neither, where the library is too small, or the question has words that the model has never seen.
With several terms a hit has to show all of them, and it is as sure as the least sure one; of a term
that must not be there what its probability leaves to 1 counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.models.registry import require_files
from retrieval.errors import ModelError
from retrieval.scoring.calibration import FILE, Calibration, features, read_calibration
from retrieval.scoring.confidence import (
    POSSIBLE_SHARE,
    label_probabilities,
    label_shares,
    shares_beaten,
)

if TYPE_CHECKING:
    from retrieval.scoring.confidence import Match, ScoreBaseline, ScoreBaselines
    from retrieval.search.query_vectors import EmbeddedQuery, QueryVector
    from retrieval.search.ranking import Ranked
    from retrieval.specs import ModelSpec
    from retrieval.stores import Ids

Floats = NDArray[np.float64]

FIRST = 10
"""So many of the best hits say whether an answer is strong."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A model's calibration, and what it looks at beside the scores.

    `others` gives the scores (n, u) of unlikely things with the pictures of n vectors' ids.
    """

    calibration: Calibration
    others: Callable[[Ids], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """What tells how sure hits are: a library's baselines and, if its model has one, a `Fit`."""

    baselines: ScoreBaselines | None = None
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure n hits are: probabilities (n,), and shares (n,) of unlikely questions they beat.

    `near` (n,) is how likely they show anything at all of what was asked; an answer whose first
    hits have `enough` of it, on the mean, is strong.
    """

    likely: Floats | None = None
    shares: Floats | None = None
    near: Floats | None = None
    enough: float = 0.0

    def at(self, rows: NDArray[np.int64]) -> Sure:
        """Return how sure some of the hits are."""
        likely = None if self.likely is None else self.likely[rows]
        shares = None if self.shares is None else self.shares[rows]
        near = None if self.near is None else self.near[rows]
        return Sure(likely, shares, near, self.enough)

    def strong(self) -> bool | None:
        """Tell whether hits, best first, answer the question at all; None where it cannot be said.

        The one place that decides it, for all who show answers.
        """
        if self.near is not None and len(self.near):
            return bool(self.near[:FIRST].mean() >= self.enough)
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
    enough = gauge.fit.calibration.strong if gauge.fit else 0.0
    likely, near = _likely(question, ranked, gauge.baselines.text, gauge.fit)
    return Sure(likely, _shares(question, ranked, gauge.baselines), near, enough)


def _likely(
    question: EmbeddedQuery, ranked: Ranked, baseline: ScoreBaseline, fit: Fit | None
) -> tuple[Floats | None, Floats | None]:
    """Return probabilities (n,), and nearness (n,); None where one of the terms has none."""
    judged = _judged(question)
    if not all(asked.proven or (fit and asked.term.kind == "text") for _, asked in judged):
        return None, None
    others = fit.others(ranked.ids) if fit and any(not a.proven for _, a in judged) else None
    likely, near = np.ones((2, len(ranked.ids)))
    for row, asked in judged:
        scores = _scores(ranked, row, asked)
        if asked.baseline is not None:
            one = some = shares_beaten(_z(scores, asked.baseline)[None], np.ones(1))
        else:
            assert fit is not None
            assert others is not None
            found = features(asked.term.value, scores, baseline, others)
            one, some = fit.calibration.probability(found), fit.calibration.nearness(found)
        likely = np.minimum(likely, 1 - one if asked.term.negative else one)
        near = np.minimum(near, 1 - some if asked.term.negative else some)
    return likely, near


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
    """Return a term's scores; what texts add to those of words makes them surer."""
    cosines = np.asarray(ranked.cosines[row], np.float64)
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
