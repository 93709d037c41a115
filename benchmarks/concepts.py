"""Measure concepts learned from 1, 5 or 20 examples, compared with their name as a text query.

    python benchmarks/concepts.py [--model M] [--pictures DIR]… [--classes N]

Each class with enough pictures is learned from its first ones, with only a library's background as
negative examples, and ranks all other pictures. mAP is the mean average precision of this ranking.
Tags are pictures with a probability of at least 0.5: their precision, and their recall of the
class. The text query uses no examples; its tags are those of `pixtrieve label`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator

import numpy as np
from bench import note, print_table
from labelled import Labelled, options, sets
from numpy.typing import NDArray

from retrieval.encoders import Encoder, open_encoder
from retrieval.scoring.confidence import measure, unlikely_things
from retrieval.scoring.linear_head import BACKGROUND, learn
from retrieval.search.confidences import CalibratedModel, ConfidenceSource, calibration_of
from retrieval.tagging.concepts import examples_of
from retrieval.tagging.labels import calibrated_judge, zero_shot
from retrieval.tagging.zero_shot import present

_EXAMPLES = (1, 5, 20)
_ENOUGH_LEFT = 5


def average_precision(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the mean of the precisions at each correct picture, best score first."""
    ranked = right[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def classes(data: Labelled, most: int) -> list[str]:
    """Return at most `most` classes with enough pictures, or the largest ones."""
    labels, counts = np.unique(data.labels, return_counts=True)
    enough = labels[counts >= max(_EXAMPLES) + _ENOUGH_LEFT]
    few = labels[counts >= _ENOUGH_LEFT + _ENOUGH_LEFT]
    return [
        str(label)
        for label in np.random.default_rng(0).permutation(enough if len(enough) else few)[:most]
    ]


def by_examples(data: Labelled, label: str, count: int) -> tuple[float, float, float]:
    """Return the average precision, and the precision and recall of the tags."""
    own = np.flatnonzero(data.labels == label)[:count]
    rest = np.setdiff1d(np.arange(len(data.labels)), own)
    background = rest[np.linspace(0, len(rest) - 1, BACKGROUND).astype(int)]
    none = np.empty((0, data.vectors.shape[1]), np.float32)
    head, _ = learn(examples_of(data.vectors[own], none, data.vectors[background]))
    return _measured(head.probability(data.vectors[rest]), data.labels[rest] == label)


def by_words(
    data: Labelled, encoder: Encoder, labels: list[str]
) -> Iterator[tuple[float, float, float]]:
    """Yield the same for each label, with only its name."""
    names = [label.replace("_", " ").lower() for label in labels]
    judge = calibrated_judge(names, _source(data, encoder)) or zero_shot(names, encoder)
    scores = present(judge.odds(data.vectors))
    for column, label in enumerate(labels):
        right = data.labels == label
        yield _measured(scores[:, column], right)


def _source(data: Labelled, encoder: Encoder) -> ConfidenceSource:
    """Return what a library of these pictures computes confidences from."""
    unlikely = encoder.encode_texts(unlikely_things())
    baselines, calibration = (
        measure(unlikely, data.vectors, len(data.vectors)),
        calibration_of(encoder.spec),
    )
    if calibration is None:
        return ConfidenceSource(baselines)

    def no_ids(_: object) -> NDArray[np.float32]:
        raise NotImplementedError

    model = CalibratedModel(calibration, no_ids, lambda: unlikely, encoder.encode_texts)
    return ConfidenceSource(baselines, model)


def _measured(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float, float]:
    return average_precision(scores, right), *_tags(scores >= 0.5, right)


def _tags(tags: NDArray[np.bool_], right: NDArray[np.bool_]) -> tuple[float, float]:
    precision = float(right[tags].mean()) if tags.any() else float("nan")
    return precision, float(tags[right].mean())


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options(parser)
    parser.add_argument(
        "--classes", type=int, default=30, help="maximum number of classes (%(default)s)"
    )
    parser.add_argument(
        "--cache", default=os.path.join(tempfile.gettempdir(), "pixtrieve-benchmarks")
    )
    arguments = parser.parse_args()
    for model in arguments.model or ["pocket"]:
        encoder = open_encoder(model)
        for data in sets(arguments, encoder):
            labels = classes(data, arguments.classes)
            largest = min(np.sum(data.labels == label) for label in labels) - _ENOUGH_LEFT
            rows = {"its name in words": list(by_words(data, encoder, labels))}
            for count in (count for count in _EXAMPLES if count <= largest):
                note(f"{data.name}: {count} examples")
                rows[f"{count} example{'s' if count > 1 else ''}"] = [
                    by_examples(data, label, count) for label in labels
                ]
            print_table(
                f"{model}, {data.name}: {len(labels)} classes, {len(data.labels):,} pictures",
                ("a concept by", "mAP", "tags right", "of the class"),
                (
                    (name, *(f"{value:.3f}" for value in np.nanmean(np.array(each), axis=0)))
                    for name, each in rows.items()
                ),
            )


if __name__ == "__main__":
    main()
