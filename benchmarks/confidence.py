"""Confidence: does it tell questions about what is there from those about what is not.

    python benchmarks/confidence.py [--model M]… [--pictures DIR]… [--draws N]

From pictures with classes, half of the classes are taken away, and libraries of several sizes are
drawn from the rest. Each class is a question; its best hit's score should be higher where the class
is there. AUC: the chance that a question about something present scores above one about something
absent, within one library (the mean over all), and over all libraries and models together, where
one cut-off has to do for all. Beside the raw cosine and the z score of the best hit among the
question's own hits.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict

import numpy as np
from bench import note, print_table
from labelled import Labelled, options, sets
from numpy.typing import NDArray

from retrieval.confidence import measure, unlikely_things
from retrieval.encoders import Encoder, open_encoder
from retrieval.heads import area_under_curve

_SIZES = (100, 300, 900)
Scores = dict[str, NDArray[np.float64]]


def scores_of(
    questions: NDArray[np.float32], pictures: NDArray[np.float32], unlikely: NDArray[np.float32]
) -> Scores:
    """Return the best hit's score of each question, by each way to score it."""
    cosines = (questions @ pictures.T).astype(np.float64)
    best = cosines.max(axis=1)
    nulls = measure(unlikely, pictures, len(pictures))
    assert nulls is not None
    return {
        "raw cosine": best,
        "z score of the question's own hits": (best - cosines.mean(axis=1)) / cosines.std(axis=1),
        "confidence": np.array([nulls.text.z(score) for score in best]),
    }


def drawn(
    data: Labelled, encoder: Encoder, unlikely: NDArray[np.float32], draws: int
) -> list[tuple[Scores, NDArray[np.bool_]]]:
    """Return scores of all classes, and which are present, for libraries of each size."""
    labels, words = data.words()
    questions = encoder.encode_texts(words)
    found = []
    for draw in range(draws):
        random = np.random.default_rng(draw)
        here = random.permutation(len(labels))[: len(labels) // 2]
        left = random.permutation(np.flatnonzero(np.isin(data.labels, labels[here])))
        for size in (size for size in _SIZES if size <= 2 * len(left)):
            rows = left[:size]
            present = np.isin(labels, data.labels[rows])
            asked = present | ~np.isin(labels, labels[here])  # not what the draw left out by chance
            scores = scores_of(questions, data.vectors[rows], unlikely)
            found.append(({k: v[asked] for k, v in scores.items()}, present[asked]))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options(parser)
    parser.add_argument("--draws", type=int, default=10, help="halves of classes (%(default)s)")
    parser.add_argument(
        "--cache", default=os.path.join(tempfile.gettempdir(), "pixtrieve-benchmarks")
    )
    arguments = parser.parse_args()
    found: list[tuple[Scores, NDArray[np.bool_]]] = []
    for model in arguments.model or ["pocket"]:
        note(f"model {model}")
        encoder = open_encoder(model)
        unlikely = encoder.encode_texts(unlikely_things())
        for data in sets(arguments, encoder):
            found += drawn(data, encoder, unlikely, arguments.draws)
    within, pooled = defaultdict(list), {}
    present = np.concatenate([each for _, each in found])
    for name in found[0][0]:
        for scores, there in found:
            within[name].append(area_under_curve(scores[name][there], scores[name][~there]))
        together = np.concatenate([scores[name] for scores, _ in found])
        pooled[name] = area_under_curve(together[present], together[~present])
    print_table(
        f"Present from absent, AUC: {len(found)} libraries, {len(present):,} questions",
        ("by", "within a library", "all together"),
        ((name, f"{np.mean(within[name]):.3f}", f"{pooled[name]:.3f}") for name in pooled),
    )


if __name__ == "__main__":
    main()
