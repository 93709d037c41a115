"""How long a question takes, cold from the shell and warm in a program, beside rclip.

    python benchmarks/asking.py [--sizes N …] [--peer-sizes N …] [--rounds N]

Cold is a whole process that is asked once, in words or with a picture that is not indexed: the
interpreter, the model, the index, the answer. Files are in the page cache. The libraries hold
random vectors of ViT-B-32-256 (512 numbers), in each program's own format: Pixtrieve's are written
by its catalogue, rclip's (asked with -n, so that it does not look for new files) by its own code.

Warm is `Library.search` with a vector, again and again in one process, beside numpy doing nothing
but read as many half floats once from memory, on all processors; the two take turns.
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
"""How much slower a cold question gets is said relative to a library of this size."""


def cold_programs(arguments: argparse.Namespace, spec: ModelSpec) -> dict[str, Program]:
    """Return what is run, by "SIZE KIND PROGRAM"."""
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
    """Measure questions from the shell, and print."""
    programs = cold_programs(arguments, spec)
    for name, program in programs.items():
        note(f"getting ready: {name}")
        run(program)
    machine = Machine()
    calls = {name: partial(run, program) for name, program in programs.items()}
    runs = interleaved(arguments.rounds, calls)
    print_table(
        f"A question from the shell: median of {arguments.rounds}, {machine.line()}",
        ("pictures, question", "pixtrieve, s", "to 10,000", "rclip, s", "to rclip",
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
    """Yield a row for each size: milliseconds of questions to a library that is kept open."""
    random = np.random.default_rng(1)
    shape = (arguments.questions, spec.dim)
    questions = normalise(random.standard_normal(shape, np.float32))
    for size in arguments.sizes:
        note(f"warm: {size:,}")
        with Library.open(library_of(arguments.cache, spec, size)) as library:
            library.search(questions[0])
            read_once = reader(size * spec.dim * STORED.itemsize)
            asked, read = [], []
            for question in questions:
                started = time.perf_counter()
                library.search(question)
                asked.append(1000 * (time.perf_counter() - started))
                started = time.perf_counter()
                read_once()
                read.append(1000 * (time.perf_counter() - started))
            library.search(_WORDS)
            words = []
            for number in range(min(_TEXT_QUESTIONS, arguments.questions)):
                started = time.perf_counter()
                library.search(f"{_WORDS} {number}")
                words.append(1000 * (time.perf_counter() - started))
        p50, p99 = np.percentile(asked, (50, 99))
        once = statistics.median(read)
        yield [
            f"{size:,}",
            *(f"{value:.2f}" for value in (p50, p99, once)),
            ratio(p50, once),
            f"{statistics.median(words):.2f}",
        ]


def reader(size: int) -> Callable[[], None]:
    """Return a function that reads `size` bytes once from memory, on all processors.

    Not with a product: the threads of BLAS go on spinning after it, and slow the next question.
    """
    threads = os.cpu_count() or 1
    parts = np.array_split(np.ones(size // 8, np.uint64), threads)
    pool = ThreadPoolExecutor(threads)

    def read() -> None:
        for _ in pool.map(np.bitwise_or.reduce, parts):
            pass

    return read


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    sizes = [400, 10_000, 100_000, 1_000_000]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="(%(default)s)")
    parser.add_argument("--peer-sizes", type=int, nargs="+", default=[400, 100_000])
    parser.add_argument("--questions", type=int, default=200, help="warm ones (%(default)s)")
    arguments = begin(parser)
    spec = open_encoder(model_of(arguments)).spec
    cold(arguments, spec)
    machine = Machine()
    rows = list(warm(arguments, spec))
    print_table(
        f"A question to an open library: {arguments.questions} vectors, in ms, {machine.line()}",
        ("pictures", "p50", "p99", "reading once", "p50 to it", "in words, p50"),
        rows,
    )


if __name__ == "__main__":
    main()
