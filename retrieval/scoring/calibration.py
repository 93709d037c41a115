"""From how a hit scores to how likely it shows what was asked, as fitted for one model.

    p = 1 / (1 + exp(-(offset + Σ weight · feature)))

The features of a hit (`features`) tell how its score lies among what things get in the library that
are not there, and among what they get with this very picture. Weights are fitted on pictures whose
labels are known, in libraries of several sizes, with questions about what is there and what is not
(`benchmarks/confidence.py --fit`). They lie beside the model as JSON and hold for that one alone:

    {"version": 1, "fingerprint": "…", "offset": …, "weights": {"score": …, …}, "strong": …}

`strong` is the mean nearness of the first ten from which on an answer is more than the nearest
there is: chosen so that hardly any list with right pictures in it falls below.
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
    """What was fitted for a model: see the module."""

    offset: float
    weights: Mapping[str, float]
    strong: float

    def probability(self, found: Mapping[str, Floats]) -> Floats:
        """Return how likely (n,) hits show what was asked, from their features, (n,) each."""
        return self._logistic(found, self.weights)

    def nearness(self, found: Mapping[str, Floats]) -> Floats:
        """Return the same (n,), as if the text told one thing: do hits show anything of it."""
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
    """Return the features of a text's hits, by name, from their scores (n,).

    The more a text tells, the more of it a picture may lack: its `words` count, as a logarithm. A
    `bare` word is less like any picture than the same in a phrase ("giraffe", "a giraffe").

    `baseline` is that of the library: how near things come that are not there. `others` (n, u) are
    the scores of unlikely things (`retrieval.scoring.confidence`) with the same pictures: some are
    near whatever one asks.
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
    """Read a file; None for one of another model or version, or none that can be read."""
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
    """Write what was fitted for the model with that fingerprint."""
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
