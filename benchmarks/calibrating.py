"""Answer the queries of trials and fit a model's calibration to the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from bench import BenchmarkError
from numpy.typing import NDArray
from trials import DESCRIPTIONS, Trial

from retrieval.encoders import Encoder
from retrieval.scoring.calibration import (
    DESCRIBED,
    FIRST,
    Calibration,
    Logistic,
    PromptEnsemble,
    UnlikelyScores,
    answer_features,
    features,
)
from retrieval.scoring.confidence import measure, shares_beaten, unlikely_things
from retrieval.scoring.phrasings import is_description, phrasings

Floats = NDArray[np.float64]

_WITHIN = 0.022
"""The share of answers with three or more correct pictures that may be below the fitted bound.

For things outside the fit the share is higher, so this value is below the promised one.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """The first ten hits of a query: features, (10,) each, and which are correct, where known."""

    library: int
    text: str
    kind: str
    size: int
    present: bool
    half: int
    features: dict[str, Floats]
    shares_beaten: Floats
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]

    @property
    def good(self) -> bool:
        """Whether three or more of the hits are correct."""
        return int(self.right.sum()) >= 3


@dataclass(frozen=True, slots=True)
class Text:
    """A text, its unit vector (dim,), and the ensemble of its phrasings."""

    text: str
    vector: NDArray[np.float32]
    ensemble: PromptEnsemble


class Library:
    """Pictures as (n, dim) unit vectors, with the same baselines as in a real library."""

    def __init__(self, pictures: NDArray[np.float32], unlikely: NDArray[np.float32]) -> None:
        """`unlikely` are the vectors of `unlikely_things`."""
        baselines = measure(unlikely, pictures, len(pictures))
        if baselines is None:
            raise BenchmarkError(f"{len(pictures)} pictures are too few for a baseline")
        self._pictures, self._baseline = pictures, baselines.text
        self._others = UnlikelyScores.of(pictures @ unlikely.T)

    def search(self, text: Text) -> tuple[NDArray[np.int64], dict[str, Floats], Floats]:
        """Return the first hits of a text, their features, and the shares they beat."""
        scores = (self._pictures @ text.vector).astype(np.float64)
        first = np.argsort(-scores)[:FIRST]
        z = (scores[first] - self._baseline.median) / self._baseline.spread
        return first, self._features(text, first), shares_beaten(z[None], np.ones(1))

    def search_both(
        self, texts: Sequence[Text], calibration: Calibration
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return the first hits of two terms, added, and the probabilities that they show both."""
        first = np.argsort(-(self._pictures @ np.sum([t.vector for t in texts], axis=0)))[:FIRST]
        both = [
            calibration.hits(text.text).probability(self._features(text, first)) for text in texts
        ]
        return first, np.min(both, axis=0)

    def _features(self, text: Text, rows: NDArray[np.int64]) -> dict[str, Floats]:
        scores = text.ensemble.scores(self._pictures[rows])
        others = UnlikelyScores(self._others.mean[rows], self._others.spread[rows])
        return features(text.text, scores, text.ensemble.agreement, self._baseline, others)


def encoded_texts(texts: Sequence[str], encoder: Encoder) -> dict[str, Text]:
    """Return texts with the vectors that the product uses for them."""
    forms = sorted({form for text in texts for form in (text, *phrasings(text))})
    vectors = dict(zip(forms, encoder.encode_texts(forms), strict=True))
    ensembles = {
        text: PromptEnsemble(np.stack([vectors[form] for form in phrasings(text)]))
        for text in texts
    }
    return {text: Text(text, vectors[text], ensembles[text]) for text in texts}


def answers(trials: Iterable[Trial], encoder: Encoder) -> Iterator[Answer]:
    """Yield the answers to all queries of all trials."""
    unlikely = encoder.encode_texts(unlikely_things())
    texts: dict[str, Text] = {}
    for number, trial in enumerate(trials):
        new = [text for each in trial.things for text in each.texts if text not in texts]
        if new:
            texts.update(encoded_texts(new, encoder))
        library, size = Library(trial.pictures, unlikely), len(trial.pictures)
        for thing in trial.things:
            about = trial.kind, size, thing.present, thing.half
            for text in thing.texts:
                first, found, share = library.search(texts[text])
                yield Answer(
                    number, text, *about, found, share, thing.right[first], thing.known[first]
                )


def weights_of(found: list[Answer]) -> Floats:
    """Return the weights of answers: equal for all kinds, and for present and absent things."""
    parts = [(answer.kind, answer.present) for answer in found]
    counts = Counter(parts)
    return np.array([1 / counts[part] for part in parts]) / len(counts)


def fitted(found: list[Answer]) -> Calibration:
    """Fit a calibration: logistic regressions for hits and for answers, and the banner's bound.

    The regression for answers separates answers with three correct pictures from those for absent
    things. It leaves out descriptions: few of those have three correct pictures.
    """
    if not any(answer.good for answer in found):
        raise BenchmarkError("no answer has three correct pictures, so there is nothing to fit")
    described = [a for a in found if is_description(a.text)]
    names = _fitted_hits([a for a in found if not is_description(a.text)], list(found[0].features))
    descriptions = _fitted_hits(described, DESCRIBED)
    clear = [a for a in found if a.kind not in DESCRIPTIONS and (a.good or not a.present)]
    good = np.array([a.good for a in clear])
    summed = [answer_features(a.features) for a in clear]
    columns = {name: np.concatenate([each[name] for each in summed]) for name in summed[0]}
    weights = weights_of(clear)
    answered = _logistic(columns, good, weights)
    probabilities = answered.probability(columns)[good]
    return Calibration(names, descriptions, answered, _bound(probabilities, weights[good]))


def _fitted_hits(found: list[Answer], names: Iterable[str]) -> Logistic:
    """Fit a regression to the hits of answers, by the features with these names."""
    known = np.concatenate([a.known for a in found])
    right = np.concatenate([a.right for a in found])[known]
    weights = np.repeat(weights_of(found), FIRST)[known]
    columns = {name: np.concatenate([a.features[name] for a in found])[known] for name in names}
    return _logistic(columns, right, weights)


def _bound(values: Floats, weights: Floats) -> float:
    """Return the value that all but the share `_WITHIN` of the weight reaches."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(below, _WITHIN)])


def _logistic(columns: Mapping[str, Floats], right: NDArray[np.bool_], weights: Floats) -> Logistic:
    """Fit a logistic regression to features (n,), by name, and the correct hits (n,)."""
    rows = np.array(list(columns.values())).T
    median, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    target = right.astype(np.float64)
    solution = _newton((rows - median) / spread, target, weights / weights.sum())
    slopes = solution[:-1] / spread
    named = dict(zip(columns, slopes.tolist(), strict=True))
    return Logistic(float(solution[-1] - slopes @ median), named)


def _newton(rows: Floats, right: Floats, weights: Floats) -> Floats:
    """Return the slopes and, last, the offset of a logistic regression, by Newton's method."""
    design = np.hstack([rows, np.ones((len(rows), 1))])
    # Where all hits are right, or none is, the offset has no best value.
    ridge = np.diag([1e-4] * rows.shape[1] + [1e-8])
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
