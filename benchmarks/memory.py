"""Measure the peak memory of indexing, which should not depend on the number of pictures.

    python benchmarks/memory.py [--count N] [--rounds N]

First, N and 10 N pictures are indexed with a stand-in model of 512 dimensions. This measures
decoding, the catalogue and the vector cache without a real model, whose memory does not depend on
the number of pictures. Then Pixtrieve and rclip alternately index N pictures with ViT-B-32-256. The
pictures are distinct 12-megapixel JPEGs; each run is a separate process.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from functools import partial

import numpy as np
from bench import (
    PIXTRIEVE,
    BenchmarkError,
    Machine,
    Program,
    Ran,
    begin,
    beside,
    interleaved,
    made_once,
    median_peak,
    model_of,
    options,
    print_table,
    ratio,
    run,
)
from peers import Rclip, peer_or_none
from PIL import Image

from retrieval import Library

_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from standin import StandIn
from retrieval import Library
with Library.create(sys.argv[2], StandIn(512, 224)) as library:
    library.add(sys.argv[3])
    library.search("anything")
"""


def pictures_of(cache: str, count: int) -> str:
    """Return a folder of `count` JPEGs of 4000 × 3000 pixels."""

    def make(folder: str) -> None:
        small = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
        out = io.BytesIO()
        Image.fromarray(small).resize((4000, 3000)).save(out, "JPEG", quality=60)
        os.makedirs(folder)
        for number in range(count):
            # Bytes after the end of the picture make the file's content distinct.
            with open(os.path.join(folder, f"{number:06}.jpg"), "wb") as file:
                file.write(out.getvalue() + number.to_bytes(4, "big"))

    return made_once(os.path.join(cache, "pictures", f"memory-{count}"), make)


def stand_in(pictures: str, count: int) -> Ran:
    """Index with the stand-in model and search once."""
    with tempfile.TemporaryDirectory() as out:
        here = os.path.dirname(beside("standin.py"))
        ran = run(Program((sys.executable, "-c", _CHILD, here, f"{out}/library", pictures)))
        _require(f"{out}/library", count)
    return ran


def pixtrieve(model: str, pictures: str, count: int) -> Ran:
    """Index with a real model."""
    with tempfile.TemporaryDirectory() as out:
        where = ("--library", f"{out}/library", "--model", model)
        ran = run(Program((*PIXTRIEVE, "index", pictures, *where)))
        _require(f"{out}/library", count)
    return ran


def rclip_on(rclip: Rclip, pictures: str, count: int) -> Ran:
    """Index with rclip."""
    with tempfile.TemporaryDirectory() as out:
        ran = run(rclip.index(pictures, out))
        if rclip.count(out) != count:
            raise BenchmarkError(f"rclip has {rclip.count(out)} of {count} pictures")
    return ran


def _require(library: str, count: int) -> None:
    with Library.open(library) as opened:
        found = opened.status().counts.images
    if found != count:
        raise BenchmarkError(f"{found} of {count} pictures were indexed")


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument(
        "--count", type=int, default=100, help="number of pictures, N (%(default)s)"
    )
    arguments = begin(parser)
    count, model = arguments.count, model_of(arguments)
    few, many = (pictures_of(arguments.cache, number) for number in (count, 10 * count))
    calls = {
        f"pixtrieve, no model, {count:,}": partial(stand_in, few, count),
        f"pixtrieve, no model, {10 * count:,}": partial(stand_in, many, 10 * count),
        f"pixtrieve, {count:,}": partial(pixtrieve, model, few, count),
    }
    rclip = None if arguments.without_peers else peer_or_none(Rclip, arguments.cache)
    if rclip is not None:
        calls[f"rclip, {count:,}"] = partial(rclip_on, rclip, few, count)
    pixtrieve(model, few, count)  # creates the caches of a model's first use
    machine = Machine()
    runs = interleaved(arguments.rounds, calls)
    peaks = {name: median_peak(each) for name, each in runs.items()}
    print_table(
        f"Peak memory of indexing: median of {arguments.rounds}, {machine.line()}",
        ("program, 12-megapixel pictures", "MB", "to the first"),
        (
            (name, f"{peak:.0f}", ratio(peak, next(iter(peaks.values()))))
            for name, peak in peaks.items()
        ),
    )


if __name__ == "__main__":
    main()
