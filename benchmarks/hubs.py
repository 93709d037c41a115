"""Measure corrections for hubs: pictures that are near every query.

    python benchmarks/hubs.py [--model M] [--captions FILE] [--bank FILE]

Each correction uses a bank of unrelated queries and their cosines with the library's pictures. With
s the cosine of the query and picture i, and b the cosine of a query of the bank:

bias        s - λ mean b                          lowers pictures that are near everything
nearest     s - λ mean of the ten greatest b      (CSLS's part for pictures: Conneau et al. 2018)
softmax     β s - log Σ exp(β b)                  (inverted softmax: Smith et al. 2017)
qb-norm     the same, but only for queries whose nearest picture is the nearest of some query of
            the bank (dynamic inverted softmax: Bogolin et al. 2022, arXiv 2112.12777)
sinkhorn    β s + log v, where v gives every query of the bank and every picture the same share of
            exp(β b) v (Sinkhorn-Knopp); the dual form has pictures from elsewhere as a second
            bank (arXiv 2508.02538)

The bank is `retrieval/encoders/texts/everyday.txt`, or --bank with one text per line. The even
captions select λ and β; all printed figures are measured on the odd captions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import labelled
import named
import numpy as np
from bench import note, print_table
from numpy.typing import NDArray

from retrieval.encoders import open_encoder
from retrieval.tagging.corpora import read_corpus

Floats = NDArray[np.float64]
Correction = Callable[[Floats, float], Floats]

LAMBDAS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
BETAS = (5.0, 10.0, 20.0, 40.0, 80.0)
_ROUNDS = 50


def corrections(bank: Floats, elsewhere: Floats) -> dict[str, tuple[Correction, tuple[float, ...]]]:
    """Return the corrections to try, from a bank's cosines (b, n) with pictures.

    `elsewhere` (b, m) are the bank's cosines with pictures of other libraries. A correction takes
    cosines (q, n) and a strength, one of those beside it.
    """
    greatest = np.sort(bank, axis=0)[-10:].mean(axis=0)
    activated = np.unique(bank.argmax(axis=1))

    def softmax(scores: Floats, beta: float) -> Floats:
        return np.asarray(beta * scores - _log_sum(beta * bank, 0))

    def qb_norm(scores: Floats, beta: float) -> Floats:
        hub = np.isin(scores.argmax(axis=1), activated)
        return np.asarray(np.where(hub[:, None], softmax(scores, beta), beta * scores))

    def sinkhorn(scores: Floats, beta: float) -> Floats:
        return np.asarray(beta * scores + _balance(beta * bank))

    def dual(scores: Floats, beta: float) -> Floats:
        both = np.hstack([bank, elsewhere])
        return np.asarray(beta * scores + _balance(beta * both)[: scores.shape[1]])

    return {
        "bias": (lambda scores, by: np.asarray(scores - by * bank.mean(axis=0)), LAMBDAS),
        "nearest": (lambda scores, by: np.asarray(scores - by * greatest), LAMBDAS),
        "softmax": (softmax, BETAS),
        "qb-norm": (qb_norm, BETAS),
        "sinkhorn": (sinkhorn, BETAS),
        "sinkhorn, dual": (dual, BETAS),
    }


def _log_sum(values: Floats, axis: int) -> Floats:
    return np.asarray(np.logaddexp.reduce(values, axis=axis))


def _balance(logs: Floats) -> Floats:
    """Return log v (n,) of the Sinkhorn-Knopp scaling of exp(logs), (b, n), to equal shares."""
    v = np.zeros(logs.shape[1])
    even = np.log(logs.shape[0] / logs.shape[1])
    for _ in range(_ROUNDS):
        u = -_log_sum(logs + v, 1)
        v = even - _log_sum(logs + u[:, None], 0)
    return v


def recall(scores: Floats, owner: NDArray[np.int64]) -> tuple[float, float]:
    """Return R@1 and R@10 of queries (q, n) with one correct picture each; ties count as misses."""
    own = scores[np.arange(len(scores)), owner]
    rank = (scores >= own[:, None]).sum(axis=1)
    return float((rank <= 1).mean()), float((rank <= 10).mean())


def skew(scores: Floats) -> float:
    """Return the skewness of the pictures' counts among the first ten, which is large with hubs."""
    first = np.argpartition(-scores, 10, axis=1)[:, :10]
    counts = np.bincount(first.ravel(), minlength=scores.shape[1]).astype(np.float64)
    return float((((counts - counts.mean()) / counts.std()) ** 3).mean())


def tried(
    scores: Floats, owner: NDArray[np.int64], bank: Floats, elsewhere: Floats
) -> Iterable[tuple[str, ...]]:
    """Yield a row of the table for each correction."""
    even = np.arange(len(owner)) % 2 == 0
    one, ten = recall(scores[~even], owner[~even])
    yield "none", "", f"{one:.3f}", f"{ten:.3f}", "", "", f"{skew(scores[~even]):.2f}"
    for name, (correct, strengths) in corrections(bank, elsewhere).items():
        chosen = max(strengths, key=lambda by: sum(recall(correct(scores[even], by), owner[even])))
        corrected = correct(scores[~even], chosen)
        at_one, at_ten = recall(corrected, owner[~even])
        gains = f"{at_one - one:+.3f}", f"{at_ten - ten:+.3f}"
        yield (
            *(name, f"{chosen:g}", f"{at_one:.3f}", f"{at_ten:.3f}", *gains),
            f"{skew(corrected):.2f}",
        )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    labelled.options(parser)
    named.options(parser)
    parser.add_argument("--bank", metavar="FILE", type=Path, help="queries, one per line")
    arguments = parser.parse_args()
    (model,) = arguments.model or ["pocket"]
    encoder = open_encoder(model)
    pictures = named.named(arguments, encoder)
    captions = [caption for each in pictures.captions for caption in each]
    owner = np.repeat(np.arange(len(pictures.captions)), [len(c) for c in pictures.captions])
    note("encoding captions")
    queries = encoder.encode_texts(captions)
    lines = arguments.bank.read_text("utf-8").splitlines() if arguments.bank else None
    bank = (
        [line for line in lines if line] if lines else [text.text for text in read_corpus().texts]
    )
    banked = encoder.encode_texts(bank)
    others = np.concatenate([each.vectors for each in labelled.sets(arguments, encoder)])
    scores = (queries @ pictures.vectors.T).astype(np.float64)
    known = (banked @ pictures.vectors.T).astype(np.float64)
    elsewhere = (banked @ others.T).astype(np.float64)
    print_table(
        f"Text→image with {len(bank):,} queries in the bank, {model}",
        ("correction", "strength", "R@1", "R@10", "to R@1", "to R@10", "skewness"),
        tried(scores, owner, known, elsewhere),
    )


if __name__ == "__main__":
    main()
