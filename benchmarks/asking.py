"""Measure the time of a search, cold from the shell and warm in a program, compared with rclip.

    python benchmarks/asking.py [--sizes N …] [--peer-sizes N …] [--rounds N]

A cold search is a whole process with one query, a text or a picture that is not indexed: the
interpreter, the model, the index, the answer. Files are in the page cache. The libraries contain
random vectors of ViT-B-32-256 (512 numbers) in each program's own format: Pixtrieve's catalogue and
rclip's own code write them. rclip runs with -n, so it does not look for new files.

A warm search is `Library.search` with a vector, repeated in one process. It alternates with numpy
reading as many half floats once from memory, on all processors.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from bench import (
    PIXTRIEVE,
    Machine,
    Program,
    Ran,
    begin,
    interleaved,
    median_peak,
    median_seconds,
    model_of,
    note,
    options,
    print_table,
    ratio,
    run,
)
from libraries import library_of, rclip_library_of
from peers import Rclip, peer_or_none
from pictures import question_picture

from retrieval import Library, ModelSpec
from retrieval.encoders import open_encoder
from retrieval.vectors import STORED, normalise

_WORDS = "two dogs on a beach"
_TEXT_QUESTIONS = 50
_REFERENCE = 10_000
"""The times of cold searches are also given relative to a library of this size."""


def cold_programs(arguments: argparse.Namespace, spec: ModelSpec) -> dict[str, Program]:
    """Return the programs to run, by "SIZE KIND PROGRAM"."""
    picture = question_picture(arguments.cache)
    programs: dict[str, Program] = {}
    for size in arguments.sizes:
        library = ("--library", library_of(arguments.cache, spec, size))
        for kind, question in (("words", (_WORDS,)), ("picture", ("--image", picture))):
            programs[f"{size} {kind} pixtrieve"] = Program(
                (*PIXTRIEVE, "search", *question, *library)
            )
    rclip = None if arguments.without_peers else peer_or_none(Rclip, arguments.cache)
    if rclip is None:
        return programs
    for size in set(arguments.peer_sizes) & set(arguments.sizes):
        data, pictures = rclip_library_of(arguments.cache, rclip, size)
        for kind, words in (("words", _WORDS), ("picture", picture)):
            programs[f"{size} {kind} rclip"] = rclip.ask(data, pictures, words)
    return programs


def cold(arguments: argparse.Namespace, spec: ModelSpec) -> None:
    """Measure searches from the shell and print the table."""
    programs = cold_programs(arguments, spec)
    for name, program in programs.items():
        note(f"preparing {name}")
        run(program)
    machine = Machine()
    calls = {name: partial(run, program) for name, program in programs.items()}
    runs = interleaved(arguments.rounds, calls)
    print_table(
        f"A search from the shell: median of {arguments.rounds}, {machine.line()}",
        ("pictures, query", "pixtrieve, s", "to 10,000", "rclip, s", "to rclip",
         "pixtrieve, MB", "rclip, MB"),
        (
            _cold_row(runs, size, kind)
            for kind in ("words", "picture")
            for size in arguments.sizes
        ),
    )  # fmt: skip


def _cold_row(runs: dict[str, list[Ran]], size: int, kind: str) -> list[str]:
    ours, reference = runs[f"{size} {kind} pixtrieve"], runs.get(f"{_REFERENCE} {kind} pixtrieve")
    theirs = runs.get(f"{size} {kind} rclip")
    seconds = median_seconds(ours)
    return [
        f"{size:,}, {kind}",
        f"{seconds:.3f}",
        ratio(seconds, median_seconds(reference) if reference else None),
        f"{median_seconds(theirs):.3f}" if theirs else "",
        ratio(seconds, median_seconds(theirs) if theirs else None),
        f"{median_peak(ours):.0f}",
        f"{median_peak(theirs):.0f}" if theirs else "",
    ]


def warm(arguments: argparse.Namespace, spec: ModelSpec) -> Iterator[list[str]]:
    """Yield a row for each size: milliseconds of searches in an open library."""
    random = np.random.default_rng(1)
    shape = (arguments.questions, spec.dim)
    questions = normalise(random.standard_normal(shape, np.float32))
    for size in arguments.sizes:
        note(f"warm: {size:,}")
        with Library.open(library_of(arguments.cache, spec, size)) as library:
            library.search(questions[0])
            read_once = reader(size * spec.dim * STORED.itemsize)
            searches, reads = [], []
            for question in questions:
                started = time.perf_counter()
                library.search(question)
                searches.append(1000 * (time.perf_counter() - started))
                started = time.perf_counter()
                read_once()
                reads.append(1000 * (time.perf_counter() - started))
            library.search(_WORDS)
            words = []
            for number in range(min(_TEXT_QUESTIONS, arguments.questions)):
                started = time.perf_counter()
                library.search(f"{_WORDS} {number}")
                words.append(1000 * (time.perf_counter() - started))
        p50, p99 = np.percentile(searches, (50, 99))
        once = statistics.median(reads)
        yield [
            f"{size:,}",
            *(f"{value:.2f}" for value in (p50, p99, once)),
            ratio(p50, once),
            f"{statistics.median(words):.2f}",
        ]


def reader(size: int) -> Callable[[], None]:
    """Return a function that reads `size` bytes once from memory, on all processors.

    It does not use a matrix product, because BLAS threads keep spinning and slow the next search.
    """
    threads = os.cpu_count() or 1
    parts = np.array_split(np.ones(size // 8, np.uint64), threads)
    pool = ThreadPoolExecutor(threads)

    def read() -> None:
        for _ in pool.map(np.bitwise_or.reduce, parts):
            pass

    return read


def main() -> None:
    """Measure and print the tables."""
    parser = options(__doc__)
    sizes = [400, 10_000, 100_000, 1_000_000]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="(%(default)s)")
    parser.add_argument("--peer-sizes", type=int, nargs="+", default=[400, 100_000])
    parser.add_argument(
        "--questions", type=int, default=200, help="number of warm searches (%(default)s)"
    )
    arguments = begin(parser)
    spec = open_encoder(model_of(arguments)).spec
    cold(arguments, spec)
    machine = Machine()
    rows = list(warm(arguments, spec))
    print_table(
        f"A search in an open library: {arguments.questions} vectors, in ms, {machine.line()}",
        ("pictures", "p50", "p99", "reading once", "p50 to it", "text query, p50"),
        rows,
    )


if __name__ == "__main__":
    main()
