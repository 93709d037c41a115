"""Data sets in archives and lists."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path
from random import Random

from fuzzing.cases import Case
from fuzzing.mutations import mutated
from fuzzing.seeds import ARCHIVES

from retrieval.errors import PictureError
from retrieval.images.sources import Flaw
from retrieval.images.sources.naming import sources_of


def archives(folder: Path) -> Case:
    """Try tars, zips, Parquet files and lists: no name leaves its archive."""
    members = {
        "a/0.png": b"\x89PNG any bytes: they are not decoded here" * 9,
        "a/0.txt": b"a dog",
        "a/0.json": b'{"caption": "x"}',
        "1.png": b"\x89PNG others" * 99,
    }
    seeds = {name: seed(members) for name, seed in ARCHIVES.items()}

    def case(random: Random) -> None:
        name = random.choice(list(seeds))
        data = seeds[name]
        if name == "a.tar.gz" and random.random() < 0.5:
            data = gzip.compress(mutated(random, gzip.decompress(data)), 1)
        else:
            data = mutated(random, data)
        path = str(folder / name)
        with open(path, "wb") as file:
            file.write(data)
        for source in sources_of([path]):
            for piece in source.pieces(3):
                for each in piece.read():
                    if isinstance(each, Flaw):
                        continue
                    item, load = each
                    assert item.path
                    if item.root == path:
                        assert not {"", ".", ".."} & set(item.path.split("/"))
                    if item.size >= 0:  # no address of a list is opened here
                        with suppress(PictureError):
                            load()

    return case
