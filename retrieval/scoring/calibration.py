"""From how hits score to how likely they show what was asked, as fitted for one model.

    p = 1 / (1 + exp(-(offset + Σ weight · feature)))

The features of a hit (`features`) tell how its score lies among what things get in the library that
are not there, and among what they get with this very picture. Those of an answer
(`answer_features`) sum up its hits, and tell whether it shows at all what was asked. Scores are
those of a text's several phrasings together (`Phrased`). Weights are fitted on pictures whose
labels are known, in libraries of several sizes, with questions about what is there and what is not
(`benchmarks/confidence.py --fit`). They lie beside the model as JSON and hold for that one alone:

    {"version": 2, "fingerprint": "…", "hits": {"offset": …, "weights": {"score": …, …}},
     "answers": {"offset": …, "weights": {"score, first": …, …}}, "strong": …}

`strong` is the probability from which on an answer is more than the nearest there is: chosen so
that hardly any list with right pictures in it falls below.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.query.tokens import words_of

if TYPE_CHECKING:
    from retrieval.scoring.confidence import ScoreBaseline

Floats = NDArray[np.float64]

FILE = "confidence.json"
VERSION = 2

FIRST = 10
"""So many of the best hits say whether an answer is strong."""

_SUMMED = ("score", "baseline", "picture")


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression: an offset, and the weights of features by name."""

    offset: float
    weights: Mapping[str, float]

    def probability(self, found: Mapping[str, Floats]) -> Floats:
        """Return probabilities (n,) from features, (n,) each."""
        total = np.full(len(next(iter(found.values()))), self.offset)
        for name, weight in self.weights.items():
            total += weight * found[name]
        return np.asarray(1 / (1 + np.exp(-total.clip(-500, 500))), np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted for a model, for hits and for whole answers: see the module."""

    hits: Logistic
    answers: Logistic
    strong: float

    def is_strong(self, found: Mapping[str, Floats]) -> bool:
        """Tell from its hits' features, best first, whether an answer shows what was asked."""
        return bool(self.answers.probability(answer_features(found))[0] >= self.strong)


class Phrased:
    """A text by the vectors (t, dim) of its phrasings: their mean, made a unit vector.

    `agreement` is how alike the phrasings are, the length of that mean, 0 to 1: a word of which a
    model has learned little depends on how it is put.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        mean = vectors.mean(axis=0, dtype=np.float64)
        self.agreement = float(np.linalg.norm(mean))
        self._vector = mean / max(self.agreement, 1e-6)

    def scores(self, pictures: NDArray[np.float32]) -> Floats:
        """Return cosines (n,) with pictures' unit vectors (n, dim)."""
        return np.asarray(pictures @ self._vector, np.float64)


def features(
    text: str,
    scores: Floats,
    agreement: float,
    baseline: ScoreBaseline,
    others: NDArray[np.float32],
) -> dict[str, Floats]:
    """Return the features of a text's hits, by name, from their scores (n,) as it is `Phrased`.

    The more a text tells, the more of it a picture may lack: its `words` count, as a logarithm.

    `words` is the logarithm of the number of words: a longer text has more details that a picture
    can lack. `bare` is 1 for a single word, which scores lower than the same word in a phrase
    ("giraffe", "a giraffe").
    """
    apart = np.maximum(others.std(axis=1), 1e-6)
    return {
        "score": scores,
        "baseline": (scores - baseline.median) / baseline.spread,
        "picture": (scores - others.mean(axis=1)) / apart,
        "words": np.full(len(scores), math.log(max(len(words_of(text)), 1))),
        "agreement": np.full(len(scores), agreement),
    }


def answer_features(found: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the features of an answer, (1,) each, from those of its n >= 1 hits, best first.

    Means over the `FIRST` hits, and means in which the first hits count most, as 1 / rank. How much
    a text tells does not count: hits that show any of it are worth showing.
    """
    first = {name: found[name][:FIRST] for name in (*_SUMMED, "agreement")}
    nearer = 1 / np.arange(1, 1 + len(first["score"]))
    summed = {"agreement": first["agreement"][:1]}
    for name in _SUMMED:
        summed[f"{name}, all"] = first[name].mean(keepdims=True)
        summed[f"{name}, first"] = np.array([np.average(first[name], weights=nearer)])
    return summed


def read_calibration(path: str, fingerprint: str) -> Calibration | None:
    """Read a file; None if it is missing, damaged, or of another model or version."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
        if facts["version"] != VERSION or facts["fingerprint"] != fingerprint:
            return None
        hits, answers = (_logistic(facts[name]) for name in ("hits", "answers"))
        return Calibration(hits, answers, float(facts["strong"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _logistic(facts: Mapping[str, Any]) -> Logistic:
    weights = {str(name): float(weight) for name, weight in facts["weights"].items()}
    return Logistic(float(facts["offset"]), weights)


def write_calibration(path: str, fingerprint: str, fitted: Calibration) -> None:
    """Write the calibration of the model with that fingerprint."""
    facts: dict[str, Any] = {
        "version": VERSION,
        "fingerprint": fingerprint,
        "hits": {"offset": fitted.hits.offset, "weights": dict(fitted.hits.weights)},
        "answers": {"offset": fitted.answers.offset, "weights": dict(fitted.answers.weights)},
        "strong": fitted.strong,
    }
    unfinished = f"{path}.new"
    with open(unfinished, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
        file.write("\n")
    os.replace(unfinished, path)
