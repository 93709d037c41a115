"""Answer the queries of trials and fit a model's calibration to the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from bench import BenchmarkError
from numpy.typing import NDArray
from trials import Trial

from retrieval.encoders import Encoder
from retrieval.scoring.calibration import Calibration, features
from retrieval.scoring.confidence import measure, shares_beaten, unlikely_things
from retrieval.search.sureness import FIRST

Floats = NDArray[np.float64]

_WITHIN = 0.033
"""The share of answers with three or more correct pictures that fall below the fitted threshold
of the "No strong matches" banner."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The first ten hits of a query: features, (10,) each, and which are correct, where known."""

    library: int
    kind: str
    size: int
    present: bool
    half: int
    features: dict[str, Floats]
    beaten: Floats
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]

    @property
    def good(self) -> bool:
        """Whether three or more of the hits are correct."""
        return int(self.right.sum()) >= 3


class Library:
    """Pictures as (n, dim) unit vectors, with the same baselines as in a real library."""

    def __init__(self, pictures: NDArray[np.float32], unlikely: NDArray[np.float32]) -> None:
        """`unlikely` are the vectors of `unlikely_things`."""
        baselines = measure(unlikely, pictures, len(pictures))
        if baselines is None:
            raise BenchmarkError(f"{len(pictures)} pictures are too few for a baseline")
        self._pictures, self._baseline = pictures, baselines.text
        self._others = pictures @ unlikely.T

    def first(
        self, texts: Sequence[str], vectors: Mapping[str, NDArray[np.float32]]
    ) -> Iterator[tuple[NDArray[np.int64], dict[str, Floats], Floats]]:
        """Yield the first hits of each text, their features, and the shares that they beat."""
        for text in texts:
            scores = (self._pictures @ vectors[text]).astype(np.float64)
            first = np.argsort(-scores)[:FIRST]
            found = features(text, scores[first], self._baseline, self._others[first])
            yield first, found, shares_beaten(found["baseline"][None], np.ones(1))

    def of_both(
        self, vectors: Mapping[str, NDArray[np.float32]], calibration: Calibration
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return the first hits of two added terms, and the probabilities that they show both."""
        first = np.argsort(-(self._pictures @ np.sum(list(vectors.values()), axis=0)))[:FIRST]
        likely = np.ones(len(first))
        for text, vector in vectors.items():
            scores = (self._pictures[first] @ vector).astype(np.float64)
            found = features(text, scores, self._baseline, self._others[first])
            likely = np.minimum(likely, calibration.probability(found))
        return first, likely


def answers(trials: Iterable[Trial], encoder: Encoder) -> Iterator[Answer]:
    """Yield the answers to all queries of all trials."""
    unlikely = encoder.encode_texts(unlikely_things())
    vectors: dict[str, NDArray[np.float32]] = {}
    for number, trial in enumerate(trials):
        new = [text for a in trial.asked for text in a.texts if text not in vectors]
        if new:
            vectors.update(zip(new, encoder.encode_texts(new), strict=True))
        library, size = Library(trial.pictures, unlikely), len(trial.pictures)
        for asked in trial.asked:
            about = number, trial.kind, size, asked.present, asked.half
            for first, found, share in library.first(asked.texts, vectors):
                yield Answer(*about, found, share, asked.right[first], asked.known[first])


def weights_of(found: list[Answer]) -> Floats:
    """Return the weights of answers: equal for all kinds, and for present and absent things."""
    parts = [(answer.kind, answer.present) for answer in found]
    counts = Counter(parts)
    return np.array([1 / counts[part] for part in parts]) / len(counts)


def fitted(found: list[Answer]) -> Calibration:
    """Fit a calibration: logistic regression on the hits, a threshold for the banner on answers."""
    if not any(answer.good for answer in found):
        raise BenchmarkError("cannot fit a calibration: no answer has three correct pictures")
    names = list(found[0].features)
    known = np.concatenate([a.known for a in found])
    rows = np.array([np.concatenate([a.features[name] for a in found]) for name in names]).T[known]
    right = np.concatenate([a.right for a in found])[known].astype(np.float64)
    weights = np.repeat(weights_of(found), FIRST)[known]
    median, spread = rows.mean(axis=0), rows.std(axis=0)
    solution = _logistic((rows - median) / spread, right, weights / weights.sum())
    slopes = solution[:-1] / spread
    plain = dict(zip(names, slopes.tolist(), strict=True))
    without = Calibration(float(solution[-1] - slopes @ median), plain, 0.0)
    return Calibration(without.offset, plain, _bound([a for a in found if a.good], without))


def _bound(good: list[Answer], calibration: Calibration) -> float:
    """Return the mean nearness that nearly all answers with three correct pictures reach."""
    means = np.array([calibration.nearness(a.features).mean() for a in good])
    order = np.argsort(means)
    below = np.cumsum(weights_of(good)[order])
    return float(means[order][np.searchsorted(below, _WITHIN)])


def _logistic(rows: Floats, right: Floats, weights: Floats) -> Floats:
    """Return the slopes and, last, the offset of a logistic regression, by Newton's method."""
    design = np.hstack([rows, np.ones((len(rows), 1))])
    ridge = np.diag([1e-4] * rows.shape[1] + [0.0])
    at = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(design @ at).clip(-500, 500)))
        gradient = design.T @ (weights * (p - right)) + ridge @ at
        curvature = design.T @ ((weights * p * (1 - p))[:, None] * design) + ridge
        step = np.linalg.solve(curvature, gradient)
        at = at - step
        if np.abs(step).max() < 1e-9:
            break
    return at
