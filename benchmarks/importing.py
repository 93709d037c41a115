"""Measure how fast shards of encoded pictures become a library, in processor time.

    python benchmarks/importing.py [--pictures N] [--rounds N]

The shards hold random vectors, a caption and a column for each picture, as a webdataset gives
them; the captions' vectors are in the shards, so nothing is encoded.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time

import numpy as np
from bench import Machine, begin, made_once, note, options, print_table
from standin import StandIn

from retrieval import Library
from retrieval.images import PictureInfo
from retrieval.indexing.shards import Shard, ShardRow
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.files import Manifest, write_manifest, write_shard
from retrieval.vectors import STORED, normalise

_SHARD_SIZE = EncodeOptions().shard_size
_DIM = 512


def shards_of(cache: str, count: int) -> str:
    """Return a folder of shards with `count` pictures."""

    def make(folder: str) -> None:
        random = np.random.default_rng(0)
        info = PictureInfo(format="JPEG", width=512, height=384, luma_thumbnail=random.bytes(1024))
        names = []
        for start in range(0, count, _SHARD_SIZE):
            rows = tuple(
                ShardRow(
                    f"/data/{start:08}.tar",
                    f"{number:08}.jpg",
                    40_000,
                    1_600_000_000_000_000_000,
                    random.bytes(32),
                    info,
                    (f"two dogs on beach number {number}",),
                    (("url", f"https://example.com/{number}.jpg"),),
                )
                for number in range(start, min(count, start + _SHARD_SIZE))
            )
            vectors = random.normal(size=(len(rows), _DIM)).astype(np.float32)
            stored = normalise(vectors).astype(STORED)
            names.append(f"{start:08}")
            write_shard(folder, names[-1], Shard(rows, stored, stored))
        write_manifest(folder, Manifest(StandIn(_DIM, 32).spec, True, tuple(names)))

    return made_once(os.path.join(cache, "importing", f"shards-{count}"), make)


def seconds_of_import(shards: str) -> float:
    """Import the shards into a new library; return the seconds of processor time."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.create(os.path.join(folder, "library"), StandIn(_DIM, 32)) as library,
    ):
        started = time.process_time()
        for _ in library.iter_import(shards):
            pass
        return time.process_time() - started


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument(
        "--pictures", type=int, default=100_000, help="number of pictures (%(default)s)"
    )
    arguments = begin(parser)
    count = arguments.pictures
    shards, machine, seconds = shards_of(arguments.cache, count), Machine(), []
    for _ in range(arguments.rounds):
        seconds.append(seconds_of_import(shards))
        note(f"{seconds[-1]:.1f} s")
    middle = statistics.median(seconds)
    print_table(
        f"{count:,} pictures: median of {arguments.rounds}, {machine.line()}",
        ("what", "processor time (s)", "pictures a second"),
        [("importing", f"{middle:.1f}", f"{count / middle:,.0f}")],
    )


if __name__ == "__main__":
    main()
