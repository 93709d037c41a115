"""Calibrated confidence: the probability that a hit matches the query, fitted for one model.

    p = 1 / (1 + exp(-(offset + Σ weight · feature)))

The features of a hit (`features`) compare its score with two other distributions: the best scores
of queries that match nothing in the library, and the scores of such queries with this picture. The
weights are fitted on labelled pictures, in libraries of several sizes, with queries that have
matches and queries that have none (`benchmarks/confidence.py --fit`). A JSON file beside the model
holds them; they are valid for that model only:

    {"version": 1, "fingerprint": "…", "offset": …, "weights": {"score": …, …}, "strong": …}

`strong` is a threshold for the mean `nearness` of the first ten hits. Below it, the hits are only
the nearest pictures and probably no matches. It is chosen so that hardly any result list with
correct pictures falls below it.
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
VERSION = 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted parameters for a model: see the module's docstring."""

    offset: float
    weights: Mapping[str, float]
    strong: float

    def probability(self, found: Mapping[str, Floats]) -> Floats:
        """Return the probabilities (n,) that hits match the query; features are (n,) each."""
        return self._logistic(found, self.weights)

    def nearness(self, found: Mapping[str, Floats]) -> Floats:
        """Return the probabilities (n,) that hits match any part of the query.

        This is `probability` without the feature `words`, as if the query had one word.
        """
        weights = {name: weight for name, weight in self.weights.items() if name != "words"}
        return self._logistic(found, weights)

    def _logistic(self, found: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
        total = np.full(len(next(iter(found.values()))), self.offset)
        for name, weight in weights.items():
            total += weight * found[name]
        return np.asarray(1 / (1 + np.exp(-total.clip(-500, 500))), np.float64)


def features(
    text: str, scores: Floats, baseline: ScoreBaseline, others: NDArray[np.float32]
) -> dict[str, Floats]:
    """Return the features of a text query's hits by name, (n,) each, from their scores (n,).

    `baseline` is the library's baseline: the best scores of queries that match nothing. `others`
    (n, u) are the scores of the unlikely things (`retrieval.scoring.confidence`) with the same
    pictures, because some pictures score high for any query.

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
        "bare": np.full(len(scores), float(len(text.split()) == 1)),
    }


def read_calibration(path: str, fingerprint: str) -> Calibration | None:
    """Read a file; None if it is missing, damaged, or of another model or version."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
        if facts["version"] != VERSION or facts["fingerprint"] != fingerprint:
            return None
        weights = {str(name): float(weight) for name, weight in facts["weights"].items()}
        return Calibration(float(facts["offset"]), weights, float(facts["strong"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_calibration(path: str, fingerprint: str, fitted: Calibration) -> None:
    """Write the calibration of the model with that fingerprint."""
    facts: dict[str, Any] = {
        "version": VERSION,
        "fingerprint": fingerprint,
        "offset": fitted.offset,
        "weights": dict(fitted.weights),
        "strong": fitted.strong,
    }
    unfinished = f"{path}.new"
    with open(unfinished, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
        file.write("\n")
    os.replace(unfinished, path)
