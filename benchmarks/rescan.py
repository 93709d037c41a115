"""Measure a rescan of N unchanged files as a whole process, compared with rclip.

    python benchmarks/rescan.py [--files N] [--rounds N]

The files are distinct one-pixel pictures, indexed with a stand-in model; the measured runs encode
nothing. `find -printf` on the same tree measures the file system itself. rclip cannot scan without
a search, so the search alone (-n) is also measured and subtracted in the last row, which is the
most favourable comparison for rclip.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from functools import partial

from bench import (
    PIXTRIEVE,
    Machine,
    Program,
    begin,
    interleaved,
    made_once,
    median_seconds,
    options,
    print_table,
    ratio,
    run,
)
from libraries import tables_mark
from peers import Rclip, peer_or_none
from standin import StandIn

from retrieval import Library

_A_FOLDER = 1000
_WORDS = "a dog"


def pixel(number: int) -> bytes:
    """Return a PNG of one pixel that is distinct for each number."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + number.to_bytes(3, "big")))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


def tree(cache: str, count: int) -> str:
    """Return a folder of `count` files in folders of a thousand."""

    def make(folder: str) -> None:
        for number in range(count):
            below = os.path.join(folder, f"{number // _A_FOLDER:04}")
            if number % _A_FOLDER == 0:
                os.makedirs(below)
            with open(os.path.join(below, f"{number:08}.png"), "wb") as file:
                file.write(pixel(number))

    return made_once(os.path.join(cache, "rescan", f"files-{count}"), make)


def library_of(cache: str, pictures: str, count: int) -> str:
    """Return a library that has indexed the files."""

    def make(folder: str) -> None:
        with Library.create(folder, StandIn(8, 8)) as library:
            library.add(pictures)

    return made_once(os.path.join(cache, "rescan", f"library-{tables_mark()}-{count}"), make)


def rclip_data(cache: str, rclip: Rclip, pictures: str, count: int) -> str:
    """Return rclip's data folder with an up-to-date index of the files."""

    def files() -> Iterator[tuple[float, int, str]]:
        for folder, _, names in os.walk(pictures):
            for name in names:
                path = os.path.join(folder, name)
                status = os.stat(path)
                yield status.st_mtime, status.st_size, path

    def make(folder: str) -> None:
        rclip.new_data(folder)
        rclip.fill(folder, files())

    return made_once(os.path.join(cache, "rescan", f"rclip-{count}"), make)


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("--files", type=int, default=100_000, help="number of files (%(default)s)")
    arguments = begin(parser)
    cache, count = arguments.cache, arguments.files
    pictures = tree(cache, count)
    library = library_of(cache, pictures, count)
    programs = {
        "pixtrieve index": Program((*PIXTRIEVE, "index", "--library", library)),
        "find -printf": Program(("find", pictures, "-type", "f", "-printf", "%s %T@ %p\\n")),
    }
    rclip = None if arguments.without_peers else peer_or_none(Rclip, cache)
    if rclip is not None:
        data = rclip_data(cache, rclip, pictures, count)
        programs["rclip"] = rclip.ask(data, pictures, _WORDS, index=True)
        programs["rclip -n"] = rclip.ask(data, pictures, _WORDS)
    for program in programs.values():
        run(program)
    machine = Machine()
    calls = {name: partial(run, program) for name, program in programs.items()}
    runs = interleaved(arguments.rounds, calls)
    seconds = {name: median_seconds(each) for name, each in runs.items()}
    if rclip is not None:
        seconds["rclip minus rclip -n"] = seconds["rclip"] - seconds["rclip -n"]
    print_table(
        f"{count:,} unchanged files: median of {arguments.rounds}, {machine.line()}",
        ("program", "s", "to pixtrieve"),
        (
            (name, f"{value:.2f}", ratio(value, seconds["pixtrieve index"]))
            for name, value in seconds.items()
        ),
    )


if __name__ == "__main__":
    main()
