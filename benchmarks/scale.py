"""Measure the commands on libraries of 100,000 and of 1,000,000 pictures.

    python benchmarks/scale.py [--counts N,N] [--only NAME …]

The libraries have the files that the catalogue knows (without content, of the right size), random
vectors of the built-in model, dates over fifteen years, ten cameras and, for one picture in ten, a
caption with its vector. Each command is a process of its own; `page` and `filter chips` are
requests to a server that runs. Figures are the least of the rounds: other load only adds to them.
The last column is the time with more pictures, divided by how many times more they are and by the
time with fewer: 1.0 is linear.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial

import numpy as np
from bench import PIXTRIEVE, Machine, Program, Ran, begin, note, options, print_table, run
from libraries import library_of
from serving import resident_mb, server

from retrieval import Library
from retrieval.encoders import open_encoder
from retrieval.images import PictureInfo
from retrieval.vectors import normalise

_CAPTIONED = 10  # one picture in so many has a caption
_YEARS = 15
_WORDS = ("dog", "beach", "snow", "bicycle", "child", "street", "water", "tree", "house", "boat")
_DONE = "with-captions-and-files"

COMMANDS: dict[str, tuple[str, ...]] = {
    "index, nothing new": ("index",),
    "status": ("status",),
    "search": ("search", "two dogs on a beach"),
    "search --where, half fit": ("search", "dogs", "--where", "width > 4002"),
    "search --where, few fit": ("search", "dogs", "--where", "date = 2023-05-01 and iso = 400"),
    "search --where, words": ("search", "dogs", "--where", "text ~ 'beach snow'"),
    "label": ("label", "--labels", "dog,cat,car,house,beach"),
    "duplicates": ("duplicates", "--json"),
    "map": ("map", "--rebuild"),
    "export": ("export", "{out}/vectors.npz"),
    "backup": ("backup", "{out}/backup.zip"),
    "doctor": ("doctor",),
}
REQUESTS = {"page": "/api/timeline", "filter chips": "/api/facets"}


def facts(number: int) -> PictureInfo:
    """Return facts as photographs have them."""
    day = np.datetime64("2026-06-01") - number * 7919 % (_YEARS * 365)
    return PictureInfo(
        format="JPEG",
        width=4000 + number % 6,
        height=3000,
        taken=f"{day}T12:{number % 60:02}:00",
        camera=f"Camera {number % 10}",
        iso=100 << number % 7,
    )


def library(cache: str, count: int) -> str:
    """Return a library as the module's text says."""
    made = library_of(cache, open_encoder("pocket").spec, count, facts, "-scale")
    done = os.path.join(made, _DONE)
    if not os.path.exists(done):
        note(f"captions and files of {count:,} pictures")
        with Library.open(made) as opened:
            _add_captions(opened, count)
            _add_files(opened)
        with open(done, "wb"):
            pass
    return made


def _add_captions(opened: Library, count: int) -> None:
    session = opened._session  # noqa: SLF001 - no public way takes so many at once
    catalogue, model = session.catalogue, session.model.row
    numbers = range(0, count, _CAPTIONED)
    with catalogue.writing():
        for number in numbers:
            words = " ".join(_WORDS[number // step % len(_WORDS)] for step in (10, 100, 1000))
            catalogue.texts.put(number + 1, {"caption": f"a {words} {number}"})
    random = np.random.default_rng(1).standard_normal((len(numbers), model.spec.dim), np.float32)
    ids = [number + 1 for number in numbers]
    catalogue.texts.put_vectors(model.id, ids, normalise(random))


def _add_files(opened: Library) -> None:
    folder = ""
    for row, _ in opened.images():
        for path in row.paths:
            if os.path.dirname(path) != folder:
                folder = os.path.dirname(path)
                os.makedirs(folder, exist_ok=True)
            with open(path, "wb") as file:
                file.truncate(row.size)
            os.utime(path, ns=(row.mtime_ns, row.mtime_ns))


def measured(arguments: argparse.Namespace, count: int) -> dict[str, Ran]:
    """Return what each command costs with so many pictures."""
    path, found = library(arguments.cache, count), dict[str, Ran]()
    with tempfile.TemporaryDirectory(dir=arguments.cache) as out:
        for name in COMMANDS:
            if name in arguments.only:
                command = [part.format(out=out) for part in COMMANDS[name]]
                option = ["--library", path]
                program = Program((*PIXTRIEVE, *command, *option))
                found[name] = _least(name, arguments.rounds, partial(_once, program, out))
    if set(REQUESTS) & set(arguments.only):
        with server(path, batching=True) as (port, process):
            for name, route in REQUESTS.items():
                if name in arguments.only:
                    address = f"http://127.0.0.1:{port}{route}"
                    found[name] = _least(name, arguments.rounds, partial(_asked, address, process))
    return found


def _once(program: Program, out: str) -> Ran:
    for name in os.listdir(out):
        os.remove(os.path.join(out, name))
    return run(program)


def _asked(address: str, process: int) -> Ran:
    began = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        answer.read()
    return Ran(time.perf_counter() - began, resident_mb(process))


def _least(name: str, rounds: int, call: Callable[[], Ran]) -> Ran:
    runs = [call() for _ in range(rounds)]
    least = Ran(min(each.seconds for each in runs), max(each.peak_mb for each in runs))
    note(f"{name}: {least}")
    return least


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("--counts", default="100000,1000000", help="pictures (%(default)s)")
    names = (*COMMANDS, *REQUESTS)
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME")
    arguments, machine = begin(parser), Machine()
    counts = [int(each) for each in arguments.counts.split(",")]
    costs = {count: measured(arguments, count) for count in counts}
    few, many = costs[counts[0]], costs[counts[-1]]
    times, rows = counts[-1] / counts[0], []
    for name in few:
        to_linear = many[name].seconds / times / few[name].seconds
        rows.append((name, *(str(costs[count][name]) for count in counts), f"{to_linear:.2f}"))
    head = ("command", *(f"{count:,} pictures" for count in counts), "to linear")
    print_table(f"Large libraries: {machine.line()}", head, rows)


if __name__ == "__main__":
    main()
