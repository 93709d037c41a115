"""Measure how near a question comes to the limit: reading the half floats once from memory.

    python benchmarks/limits.py [--sizes N …] [--vectors real|random …] [--picture FILE.svg]

Vectors are `real` (those of pictures by the built-in model, multiplied: each is one picture plus
differences between its near neighbours, so that they spread as the pictures do) or `random`.
Pictures are those of the labelled sets. Questions are everyday phrases, encoded by the model, and
pictures that are not stored. The questions that tune the approximate index are others.

A question alternates with numpy reading as many half floats once, on all processors. The ratio is
that of the medians. `cpu` is the ratio of processor time, which other programs on the machine
disturb less. The curve says what looking into more clusters finds, and what it costs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import labelled
import numpy as np
from asking import reader
from bench import Machine, note, print_table
from curve import Curve, write_svg
from numpy.typing import NDArray

from retrieval.encoders import open_encoder
from retrieval.encoders.models.cache import user_cache
from retrieval.scoring.confidence import unlikely_things
from retrieval.scoring.phrasings import phrasings
from retrieval.stores import Ids, StoreHeader, Vectors
from retrieval.stores.clustered import TARGET, ClusteredStore
from retrieval.stores.flat import FlatStore
from retrieval.stores.tuning import Tuning
from retrieval.tagging.corpora import read_corpus
from retrieval.vectors import STORED, normalise

_PAGE = 8192
_HELD_OUT = 64  # pictures that are asked, not stored
_NEAR = 40
_READ = 2**30  # so many bytes are read, if there are more: the rest would take as long
_K = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions (q, dim) by kind, and the (t, dim) texts that tune the approximate index."""

    kinds: dict[str, Vectors]
    tuning: Vectors


def real(count: int, base: Vectors) -> Iterator[tuple[Ids, Vectors]]:
    """Yield pages of `count` vectors that spread as those of pictures (b, dim) do."""
    random = np.random.default_rng(0)
    near = np.argpartition(-(base @ base.T), _NEAR, axis=1)[:, :_NEAR]
    for at in range(0, count, _PAGE):
        size = min(_PAGE, count - at)
        which = random.integers(0, len(base), size)
        rows = base[which].copy()
        for _ in range(2):
            one, other = (near[which, random.integers(0, _NEAR, size)] for _ in range(2))
            strength = random.uniform(0.2, 0.7, (size, 1)).astype(np.float32)
            rows += strength * (base[one] - base[other])
        yield np.arange(at, at + size), normalise(rows)


def spread_evenly(count: int, dim: int, seed: int = 0) -> Iterator[tuple[Ids, Vectors]]:
    """Yield pages of `count` random unit vectors."""
    random = np.random.default_rng(seed)
    for at in range(0, count, _PAGE):
        size = min(_PAGE, count - at)
        yield np.arange(at, at + size), normalise(random.standard_normal((size, dim), np.float32))


def built(
    arguments: argparse.Namespace, pages: Callable[[], Iterator[tuple[Ids, Vectors]]], name: str
) -> tuple[FlatStore, ClusteredStore, list[float]]:
    """Return both stores, mapped, and the processor seconds that building each took, once."""
    count, seconds = int(name.split("-")[1]), []
    first = next(pages())[1]
    stamp = hashlib.sha256(first.tobytes()).hexdigest()
    os.makedirs(os.path.join(arguments.cache, "limits"), exist_ok=True)
    stores = []
    for kind in (FlatStore, ClusteredStore):
        path = os.path.join(arguments.cache, "limits", f"{name}.{kind.__name__}")
        loaded = kind.load(path)
        if loaded is None or loaded[1].stamp != stamp:
            note(f"building {kind.__name__} of {name}")
            started = time.process_time()
            store = kind.build(first.shape[1], pages(), os.path.dirname(path))
            header = StoreHeader("limits", first.shape[1], 1, stamp, count, count - 1)
            store.save(path, header)
            write_seconds(path, time.process_time() - started)
            note(f"{peak_mb():,} MB at most, so far")
            del store
            loaded = kind.load(path)
            assert loaded is not None
        stores.append(loaded[0])
        seconds.append(read_seconds(path))
    exact, near = stores
    assert isinstance(near, ClusteredStore)
    return exact, near, seconds


def peak_mb() -> int:
    """Return the greatest resident size of this process so far, mapped files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def write_seconds(path: str, seconds: float) -> None:
    """Keep how many processor seconds a store took to build."""
    Path(path + ".seconds").write_text(str(seconds))


def read_seconds(path: str) -> float:
    """Return what `write_seconds` kept."""
    return float(Path(path + ".seconds").read_text())


def timed(calls: Sequence[Callable[[], object]], rounds: int) -> list[tuple[float, float]]:
    """Return the least wall and processor milliseconds of each call; they take turns."""
    best = [(float(np.inf), float(np.inf))] * len(calls)
    for _ in range(rounds):
        for number, call in enumerate(calls):
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[number] = (min(best[number][0], 1e3 * wall), min(best[number][1], 1e3 * cpu))
    return best


def rows_of(
    name: str, exact: FlatStore, near: ClusteredStore, asked: Asked, rounds: int
) -> Iterator[list[str]]:
    """Yield a line of the table for each kind of question."""
    size = exact.count() * next(iter(asked.kinds.values())).shape[1] * STORED.itemsize
    part = min(1, _READ / size)
    once = reader(round(part * size))
    for kind, questions in asked.kinds.items():
        note(f"asking {kind}")
        asks = (partial(exact.search, k=_K), partial(near.search, k=_K))
        found = np.array(
            [timed((*(partial(a, q) for a in asks), once), rounds) for q in questions[:, None]]
        )
        found[:, 2] /= part
        wall, cpu = np.median(found[:, :, 0], axis=0), np.median(found[:, :, 1], axis=0)
        yield [
            f"{name}, {kind}",
            f"{wall[0]:.1f}",
            f"{wall[2]:.1f}",
            f"{wall[0] / wall[2]:.2f} ×",
            f"{cpu[0] / cpu[2]:.2f} ×",
            f"{wall[1]:.2f}",
            f"{near.recall_of(questions):.3f}",
        ]


def curve_of(label: str, near: ClusteredStore, questions: Vectors) -> Curve:
    """Return recall and milliseconds by the number of clusters that a question looks into."""
    kept, points = near.tuning, []
    probes = 1
    while near.lists and probes <= near.lists // 4:
        near.tuning = Tuning(probes, 0, 0, 0, 0, 0)
        times = [timed((partial(near.search, q, _K),), 3)[0][0] for q in questions[:, None]]
        points.append((near.recall_of(questions), float(np.median(times))))
        probes *= 2
    near.tuning = kept
    return Curve(label, points)


def questions_of(arguments: argparse.Namespace) -> tuple[Asked, NDArray[np.float32]]:
    """Return the questions, and the vectors of pictures to multiply."""
    encoder = open_encoder("pocket")
    pictures = np.concatenate([each.vectors for each in labelled.sets(arguments, encoder)])
    pictures = normalise(pictures[np.random.default_rng(3).permutation(len(pictures))])
    phrases = [text.text for text in read_corpus().texts]
    forms = [phrasings(phrase) for phrase in phrases]
    texts = encoder.encode_texts([each[n % len(each)] for n, each in enumerate(forms)])
    tuning = np.concatenate([encoder.encode_texts(unlikely_things()), texts[::3]])
    kinds = {"texts": texts[1::3][: arguments.questions], "pictures": pictures[:_HELD_OUT]}
    return Asked(kinds, tuning), pictures[_HELD_OUT:]


def main() -> None:
    """Measure, print the tables and draw the curves."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    labelled.options(parser)
    parser.add_argument("--cache", default=os.path.join(user_cache(), "pixtrieve-benchmarks"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000], help="(%(default)s)")
    parser.add_argument("--vectors", nargs="+", default=["real", "random"], help="(%(default)s)")
    parser.add_argument("--questions", type=int, default=60, help="texts asked (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="least of so many (%(default)s)")
    parser.add_argument("--picture", metavar="FILE.svg", help="where to draw the curves")
    arguments = parser.parse_args()
    asked, base = questions_of(arguments)
    machine = Machine()
    rows: list[list[str]] = []
    costs: list[list[str]] = []
    curves: list[Curve] = []
    for name in (f"{kind}-{size}" for size in arguments.sizes for kind in arguments.vectors):
        size = int(name.split("-")[1])
        if name.startswith("real"):
            exact, near, seconds = built(arguments, partial(real, size, base), name)
            questions = asked
        else:
            dim = base.shape[1]
            exact, near, seconds = built(arguments, partial(spread_evenly, size, dim), name)
            some = next(spread_evenly(200, dim, seed=1))[1]
            questions = replace(asked, kinds={"random": some[:40]}, tuning=some[40:])
        tuning = near.tune(questions.tuning)
        rows += rows_of(name, exact, near, questions, arguments.rounds)
        costs.append(_costs(arguments, name, near, tuning, seconds))
        curves += [curve_of(f"{name}, {kind}", near, q) for kind, q in questions.kinds.items()]
    print_table(
        f"A question, least of {arguments.rounds}, in ms: {machine.line()}",
        ("vectors, questions", "exact", "reading once", "exact to it", "cpu", "ivf", "recall@10"),
        rows,
    )
    print_table(
        "The indexes",
        ("vectors", "exact built, cpu s", "ivf built, cpu s", "bytes a row", "clusters of all",
         "recall measured when tuned"),
        costs,
    )  # fmt: skip
    print(f"\nPeak memory, building included and mapped files counted: {peak_mb():,} MB")
    if arguments.picture:
        write_svg(arguments.picture, curves, TARGET)


def _costs(
    arguments: argparse.Namespace,
    name: str,
    near: ClusteredStore,
    tuning: Tuning,
    seconds: Sequence[float],
) -> list[str]:
    path = os.path.join(arguments.cache, "limits", f"{name}.ClusteredStore")
    return [
        name,
        *(f"{value:.0f}" for value in seconds),
        f"{os.path.getsize(path) / near.count():.0f}",
        f"{tuning.probes} of {near.lists}",
        f"{tuning.recall_texts:.3f}",
    ]


if __name__ == "__main__":
    main()
