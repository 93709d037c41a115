"""Measure confidence: whether 70 % of the hits shown as 70 % are correct, and the banner's errors.

    python benchmarks/confidence.py [--model M] [--fit] [--draws N]

Libraries of several sizes are drawn from the test pictures of Caltech-101 and mini-ImageNet and
from the captioned pictures of the development split. Each library lacks some of the things that
the queries name (`trials.py`). Queries are class names and keywords, as a word and in a sentence,
two keywords together, and whole captions; the first ten hits count. All kinds of queries have the
same weight, and so do present and absent things.

This measures the calibration beside the model (`retrieval.scoring.calibration`). `--fit` fits one
and writes it there, which new weights need once. The printed figures then come from
cross-validation: each half of the things is measured with a calibration fitted on the other half.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from itertools import combinations

import named
import numpy as np
from bench import note, print_table
from calibrating import Answer, Floats, Library, answers, encoded_texts, fitted, weights_of
from labelled import options, sets
from numpy.typing import NDArray
from trials import (
    DESCRIPTIONS,
    PAIRS,
    SENTENCES,
    captioned_trials,
    classes,
    in_captions,
    labelled_trials,
    pair_trial,
    sentence_trial,
    written,
)

from retrieval.encoders import Encoder, open_encoder
from retrieval.encoders.models.registry import require_files
from retrieval.scoring.calibration import FILE, FIRST, Calibration, write_calibration
from retrieval.scoring.confidence import label_shares, unlikely_things
from retrieval.scoring.linear_head import area_under_curve
from retrieval.search.confidences import Confidences, TextHits, calibration_of

_BINS = 10

_COMMON, _TOGETHER = 20, 5
"""The least pictures that show each thing of a pair, and the least that show both."""


Judged = tuple[Answer, Confidences]


def confidences_of(answer: Answer, calibration: Calibration | None) -> Confidences:
    """Return the confidence that Pixtrieve would report for an answer's hits."""
    if calibration is None:
        return Confidences(None, answer.shares_beaten)
    hits = TextHits(answer.text, answer.features, calibration)
    return Confidences(hits.probabilities, answer.shares_beaten, (hits,))


def print_areas(judged: list[Judged]) -> None:
    """Print how well the best hit distinguishes present from absent things."""
    ways: dict[str, Callable[[Judged], float]] = {
        "cosine, of all phrasings": lambda a: float(a[0].features["score"][0]),
        "cosine among the picture's with unlikely things": (
            lambda a: float(a[0].features["picture"][0])
        ),
    }
    if all(confidences.probabilities is not None for _, confidences in judged):
        ways["confidence"] = lambda a: _first(a[1].probabilities)
    kinds = sorted({a.kind for a, _ in judged})
    rows = []
    for name, score in ways.items():
        within = {
            kind: list(_areas(judged, kind, score)) for kind in kinds if kind not in DESCRIPTIONS
        }
        means = [float(np.mean(areas)) for areas in within.values()]
        rows.append((name, *(f"{value:.3f}" for value in (*means, np.mean(means)))))
    print_table(
        "Present from absent things, AUC of the best hit within a library",
        ("by", *(kind for kind in kinds if kind not in DESCRIPTIONS), "mean"),
        rows,
    )


def _first(probabilities: Floats | None) -> float:
    return float("nan") if probabilities is None else float(probabilities[0])


def _probabilities(judged: list[Judged], hits: slice) -> Floats:
    """Return the probabilities of some hits of each answer, one after the other."""
    known = [each.probabilities for _, each in judged if each.probabilities is not None]
    return np.concatenate([[], *(each[hits] for each in known)])


def _areas(judged: list[Judged], kind: str, score: Callable[[Judged], float]) -> Iterator[float]:
    for library in sorted({a.library for a, _ in judged if a.kind == kind}):
        same = [each for each in judged if each[0].library == library]
        there = [score(each) for each in same if each[0].present]
        absent = [score(each) for each in same if not each[0].present]
        if there and absent:
            yield area_under_curve(np.array(there), np.array(absent))


def print_reliability(judged: list[Judged]) -> None:
    """Print the share of correct hits by shown percentage, and the calibration error."""
    found = [answer for answer, _ in judged]
    known = np.concatenate([a.known for a in found])
    right = np.concatenate([a.right for a in found])[known]
    shown = _probabilities(judged, slice(None))[known]
    weights = np.repeat(weights_of(found), FIRST)[known]
    kinds = np.repeat([a.kind for a in found], FIRST)[known]
    bins = np.minimum((shown * _BINS).astype(int), _BINS - 1)
    rows = []
    for each in range(_BINS):
        chosen = bins == each
        if chosen.any():
            says, is_ = (np.average(v[chosen], weights=weights[chosen]) for v in (shown, right))
            bar = "█" * round(20 * float(is_))
            share = f"{weights[chosen].sum() / weights.sum():.1%}"
            rows.append(
                (f"{each * 10}–{each * 10 + 10} %", share, f"{says:.2f}", f"{is_:.2f}", bar)
            )
    print_table(
        "Reliability: the share of correct hits by shown percentage",
        ("shown", "of all hits", "shown, mean", "correct", "correct, bar"),
        rows,
    )
    errors = [("all", _calibration_error(shown, right, weights))]
    for kind in sorted(set(kinds.tolist())):
        of = kinds == kind
        errors.append((kind, _calibration_error(shown[of], right[of], weights[of])))
    print_table(
        "Expected calibration error", ("pictures", "ECE"), ((k, f"{e:.3f}") for k, e in errors)
    )


def _calibration_error(shown: Floats, right: NDArray[np.bool_], weights: Floats) -> float:
    bins = np.minimum((shown * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(float((weights[bins == each] * (shown - right)[bins == each]).sum()))
        for each in range(_BINS)
    ]
    return sum(gaps) / float(weights.sum())


def print_banner(judged: list[Judged], method: str) -> None:
    """Print how often "No strong matches" appears above good answers and for absent things."""
    rows = []
    names = [each for each in judged if each[0].kind not in DESCRIPTIONS]
    for kind in (*sorted({a.kind for a, _ in names}), "all", PAIRS):
        part = names if kind == "all" else [each for each in judged if each[0].kind == kind]
        if not part:
            continue
        of = [answer for answer, _ in part]
        weights = weights_of(of)
        weak = np.array([confidences.strong() is False for _, confidences in part])
        good, absent = np.array([a.good for a in of]), np.array([not a.present for a in of])
        shares = [
            float(np.average(weak[those], weights=weights[those])) for those in (good, absent)
        ]
        rows.append((kind, f"{good.sum():,}", f"{absent.sum():,}", *(f"{s:.1%}" for s in shares)))
    print_table(
        f"Answers with “No strong matches”, {method}",
        ("pictures", "≥ 3 correct", "absent", "of those with ≥ 3 correct", "of those about absent"),
        rows,
    )


def print_words(found: list[Answer]) -> None:
    """Print the share of correct hits among strong, possible and weak ones by baseline alone."""
    known = np.concatenate([a.known for a in found])
    right = np.concatenate([a.right for a in found])[known]
    words = np.concatenate([label_shares(a.shares_beaten) for a in found])[known]
    weights = np.repeat(weights_of(found), FIRST)[known]
    rows = []
    for word in ("strong", "possible", "weak"):
        of = words == word
        if of.any():
            share = f"{weights[of].sum() / weights.sum():.1%}"
            rows.append((word, share, f"{np.average(right[of], weights=weights[of]):.2f}"))
    print_table("Labels without a calibration", ("hits", "of all hits", "correct"), rows)


def print_pairs(pictures: named.Named, encoder: Encoder, calibration: Calibration) -> None:
    """Print how often the hits of two terms show both, for things that occur together."""
    library = Library(pictures.vectors, encoder.encode_texts(unlikely_things()))
    things = [each for each in in_captions(pictures, ()) if each.right.sum() >= _COMMON]
    texts = [written(each.name)[1] for each in things]
    encoded = encoded_texts(texts, encoder)
    shown, right = [], []
    for one, two in combinations(range(len(things)), 2):
        show_both = things[one].right & things[two].right
        if show_both.sum() >= _TOGETHER:
            terms = [encoded[texts[each]] for each in (one, two)]
            first, found = library.search_both(terms, calibration)
            absent = [a.known & ~a.right for a in (things[one], things[two])]
            known = (show_both | absent[0] | absent[1])[first]
            shown.append(found[known])
            right.append(show_both[first][known])
    if not shown:
        return
    says, is_ = np.concatenate(shown), np.concatenate(right)
    error = _calibration_error(says, is_, np.ones(len(says)))
    print_table(
        f"Two terms: {len(shown)} pairs of things that {_TOGETHER} or more pictures show together",
        ("hits", "shown, mean", "correct", "ECE"),
        [(f"{len(says):,}", f"{says.mean():.2f}", f"{is_.mean():.2f}", f"{error:.3f}")],
    )


def print_sentences(judged: list[Judged]) -> None:
    """Print the results of whole captions, each of which describes one picture."""
    part = [(answer, confidences) for answer, confidences in judged if answer.kind == SENTENCES]
    there = np.array([bool(answer.right.any()) for answer, _ in part])
    weak = np.array([confidences.strong() is False for _, confidences in part])
    rows = [
        ("own picture among the first ten", f"{there.mean():.1%}"),
        ("of those, with “No strong matches”", f"{weak[there].mean():.1%}"),
    ]
    best = _probabilities(part, slice(1))
    if len(best):
        rows.append(("mean percentage of the best hit", f"{np.mean(best):.0%}"))
    print_table(f"{len(part):,} captions as queries", ("", "of the captions"), rows)


def main() -> None:
    """Measure, fit with `--fit`, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options(parser)
    named.options(parser)
    parser.add_argument("--draws", type=int, default=6, help="libraries per size (%(default)s)")
    parser.add_argument(
        "--fit", action="store_true", help="fit the model's calibration and write it"
    )
    arguments = parser.parse_args()
    (model,) = arguments.model or ["pocket"]
    encoder = open_encoder(model)
    data = sets(arguments, encoder)
    pictures = named.named(arguments, encoder)
    others = sorted({name for each in data for name in classes(each).tolist()})
    trials = [trial for each in data for trial in labelled_trials(each, arguments.draws)]
    trials += captioned_trials(pictures, others, arguments.draws)
    trials += [sentence_trial(pictures), pair_trial(pictures)]
    note(f"searching {len(trials)} libraries")
    found = list(answers(trials, encoder))
    note(f"{len(found):,} answers")
    calibration = calibration_of(encoder.spec)
    halves = [calibration] * 2
    if arguments.fit:
        path = os.path.join(require_files(model).folder, FILE)
        calibration = fitted(found)
        write_calibration(path, encoder.spec.fingerprint, calibration)
        note(f"fitted: {path}")
        halves = [fitted([a for a in found if a.half != half]) for half in (0, 1)]
    judged = [(answer, confidences_of(answer, halves[answer.half])) for answer in found]
    print_areas(judged)
    if calibration is not None:
        print_reliability(judged)
        print_banner(judged, "with the calibration")
    print_words(found)
    print_banner([(answer, confidences_of(answer, None)) for answer in found], "with labels only")
    print_sentences(judged)
    if calibration is not None:
        print_pairs(pictures, encoder, calibration)


if __name__ == "__main__":
    main()
