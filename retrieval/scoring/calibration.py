"""Calibration: the probability that a hit matches, from its scores, fitted for one model.

    p = 1 / (1 + exp(-(offset + Σ weight · feature)))

The features of a hit (`features`) compare its score with the best scores of unlikely things in the
library, and with the scores of unlikely things for the same picture. The features of an answer
(`answer_features`) summarise its hits; they show whether the answer as a whole matches the query.
All scores are those of several phrasings of a text together (`PromptEnsemble`). The weights are
fitted on labelled pictures, in libraries of several sizes, with queries for things that are present
and absent (`benchmarks/confidence.py --fit`). Hits of names ("hat") and of descriptions ("a woman
with a hat") have regressions of their own, because a picture often shows only a part of a
description. They are stored beside the model as JSON, and are valid for that model only:

    {"version": 3, "fingerprint": "…", "names": {"offset": …, "weights": {"score": …, …}},
     "descriptions": {"offset": …, "weights": {"score": …, …}},
     "answers": {"offset": …, "weights": {"score, first": …, …}}, "strong": …}

`strong` is the least probability of a strong answer. It is chosen so that very few answers with
correct pictures are below it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.query.tokens import query_words
from retrieval.scoring.phrasings import is_description
from retrieval.vectors import pairwise_cosines
from retrieval.whole_file import read_record, write_record

if TYPE_CHECKING:
    from retrieval.scoring.confidence import ScoreBaseline

Floats = NDArray[np.float64]

FILE = "confidence.json"
VERSION = 3

FIRST = 10
"""The number of best hits that decide whether an answer is strong."""

DESCRIBED = ("score", "baseline", "picture", "words")
"""The features of the hits of a description. All of its phrasings agree, so that says nothing."""

_SUMMED = ("score", "baseline", "picture")


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression: an offset, and the weights of its features by name."""

    offset: float
    weights: Mapping[str, float]

    def odds(self, found: Mapping[str, Floats]) -> Floats:
        """Return log odds (n,) from features, (n,) each."""
        total = np.full(len(next(iter(found.values()))), self.offset)
        for name, weight in self.weights.items():
            total += weight * found[name]
        return total

    def probability(self, found: Mapping[str, Floats]) -> Floats:
        """Return probabilities (n,) from features, (n,) each."""
        return probability_of(self.odds(found))


def probability_of(odds: Floats) -> Floats:
    """Return probabilities from log odds, of any shape."""
    return np.asarray(1 / (1 + np.exp(-odds.clip(-500, 500))), np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A model's logistic regressions for hits and for answers, and the bound for strong answers.

    `names` is for the hits of names, `descriptions` for those of longer texts.
    """

    names: Logistic
    descriptions: Logistic
    answers: Logistic
    strong: float

    def hits(self, text: str) -> Logistic:
        """Return the regression for the hits of a text."""
        return self.descriptions if is_description(text) else self.names

    def is_strong(self, found: Mapping[str, Floats]) -> bool:
        """Return whether an answer is strong, from the features of its hits, best first."""
        return bool(self.answers.probability(answer_features(found))[0] >= self.strong)


class PromptEnsemble:
    """The vectors (t, dim) of a text's phrasings as one: their mean, scaled to a unit vector.

    `vector` is that unit vector (dim,). `agreement` is the length of the mean, 0 to 1: how similar
    the phrasings are. It is low for words that the model has hardly learned, because their vectors
    depend on the phrasing.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        mean = vectors.mean(axis=0, dtype=np.float64)
        self.agreement = float(np.linalg.norm(mean))
        self.vector = mean / max(self.agreement, 1e-6)

    def scores(self, pictures: NDArray[np.float32]) -> Floats:
        """Return the cosines (n,) with pictures' unit vectors (n, dim)."""
        return np.asarray(pairwise_cosines(pictures, self.vector[None])[:, 0], np.float64)


@dataclass(frozen=True, slots=True)
class UnlikelyScores:
    """The mean and the spread (n,) of each of n pictures' cosines with unlikely things."""

    mean: NDArray[np.floating[Any]]
    spread: NDArray[np.floating[Any]]

    @classmethod
    def of(cls, cosines: NDArray[np.floating[Any]]) -> UnlikelyScores:
        """Summarise cosines (n, u) of pictures with u unlikely things."""
        return cls(cosines.mean(axis=1), np.maximum(cosines.std(axis=1), 1e-6))


def features(
    text: str, scores: Floats, agreement: float, baseline: ScoreBaseline, others: UnlikelyScores
) -> dict[str, Floats]:
    """Return the features of a text's hits, (n,) each, by name.

    `scores` (n,) and `agreement` are those of the text's `PromptEnsemble`. `others` are the scores
    of unlikely things for the same pictures. The feature "words" is the logarithm of the number of
    words, because a picture can lack more details of a longer text.
    """
    return {
        "score": scores,
        "baseline": (scores - baseline.median) / baseline.spread,
        "picture": (scores - others.mean) / others.spread,
        "words": np.full(len(scores), math.log(max(len(query_words(text)), 1))),
        "agreement": np.full(len(scores), agreement),
    }


def answer_features(found: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the features of an answer, (1,) each, from those of its n >= 1 hits, best first.

    They are means over the `FIRST` hits, and means weighted by 1 / rank. The number of words is not
    among them, because hits that show only a part of a text are worth showing, too.
    """
    first = {name: found[name][:FIRST] for name in (*_SUMMED, "agreement")}
    weights = 1 / np.arange(1, 1 + len(first["score"]))
    summed = {"agreement": first["agreement"][:1]}
    for name in _SUMMED:
        summed[f"{name}, all"] = first[name].mean(keepdims=True)
        summed[f"{name}, first"] = np.array([np.average(first[name], weights=weights)])
    return summed


def read_calibration(path: str, fingerprint: str) -> Calibration | None:
    """Read a calibration file; None if it is missing, damaged, or for another model or version."""
    try:
        facts = read_record(path)
        if facts is None or facts["version"] != VERSION or facts["fingerprint"] != fingerprint:
            return None
        names, descriptions, answers = (
            _logistic(facts[name]) for name in ("names", "descriptions", "answers")
        )
        return Calibration(names, descriptions, answers, float(facts["strong"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _logistic(facts: Mapping[str, Any]) -> Logistic:
    weights = {str(name): float(weight) for name, weight in facts["weights"].items()}
    return Logistic(float(facts["offset"]), weights)


def write_calibration(path: str, fingerprint: str, fitted: Calibration) -> None:
    """Write a calibration file for the model with this fingerprint."""
    facts: dict[str, Any] = {
        "version": VERSION,
        "fingerprint": fingerprint,
        **{
            name: {"offset": each.offset, "weights": dict(each.weights)}
            for name, each in (
                ("names", fitted.names),
                ("descriptions", fitted.descriptions),
                ("answers", fitted.answers),
            )
        },
        "strong": fitted.strong,
    }
    write_record(path, facts)
