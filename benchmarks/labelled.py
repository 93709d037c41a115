"""Vectors of pictures with one label each, from a folder per class or from the test data."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench import BenchmarkError, note
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.errors import PictureError
from retrieval.images.decoding import pixels_from_bytes
from retrieval.pocket.shards import read_pictures
from retrieval.vectors import as_stored

_SHARDS = {"Caltech-101": "caltech101_112.bin", "mini-ImageNet": "mini_imagenet_val_84.bin"}
_NO_CLASS = "BACKGROUND_Google"


@dataclass(frozen=True, slots=True)
class Labelled:
    """(n, dim) unit vectors, rounded as in storage, and the label (n,) of each picture."""

    name: str
    vectors: NDArray[np.float32]
    labels: NDArray[np.str_]

    def words(self) -> tuple[NDArray[np.str_], list[str]]:
        """Return the distinct labels, and a text query for each."""
        labels = np.unique(self.labels)
        return labels, [f"a photo of a {label.replace('_', ' ').lower()}" for label in labels]


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options `--model` and `--pictures`."""
    parser.add_argument(
        "--model", action="append", help="a model to measure, can be repeated (default: pocket)"
    )
    parser.add_argument(
        "--pictures",
        metavar="DIR",
        type=Path,
        action="append",
        help="a folder with one folder of pictures per class, can be repeated; by default the "
        "test sets in PIXTRIEVE_DATA",
    )


def sets(arguments: argparse.Namespace, encoder: Encoder) -> list[Labelled]:
    """Return the chosen labelled sets with their vectors, which the cache folder stores."""
    if arguments.pictures:
        sources = {folder.name: _in_folder(folder) for folder in arguments.pictures}
    else:
        data = os.environ.get("PIXTRIEVE_DATA")
        if not data:
            raise BenchmarkError("there are no pictures: use --pictures DIR or set PIXTRIEVE_DATA")
        shards = {name: Path(data) / "train" / shard for name, shard in _SHARDS.items()}
        sources = {name: _in_shard(path) for name, path in shards.items()}
    return [encoded(name, source, encoder, arguments.cache) for name, source in sources.items()]


def _in_shard(path: Path) -> Iterator[tuple[str, bytes]]:
    for row, data in read_pictures(path):
        if row["split"] != "train" and row["label"] != _NO_CLASS:
            yield row["label"], data


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*/*")):
        if path.is_file():
            yield path.parent.name, path.read_bytes()


def encoded(
    name: str, source: Iterable[tuple[str, bytes]], encoder: Encoder, cache: str
) -> Labelled:
    """Encode pictures, (label, bytes of a file); the cache folder stores the vectors."""
    pictures = list(source)
    digest = hashlib.sha256(b"".join(data for _, data in pictures)).hexdigest()[:16]
    kept = Path(cache) / "labelled" / f"{digest}-{encoder.spec.fingerprint[:16]}.npz"
    if not kept.exists():
        note(f"encoding {len(pictures):,} pictures of {name}")
        labels, vectors = [], []
        for start in range(0, len(pictures), encoder.batch_size):
            pixels = []
            for label, data in pictures[start : start + encoder.batch_size]:
                try:
                    pixels.append(pixels_from_bytes(data, encoder.spec.preprocessing))
                    labels.append(label)
                except PictureError as error:
                    note(f"skipped a picture of {label}: {error}")
            if pixels:
                vectors.append(as_stored(encoder.encode_images(np.stack(pixels))))
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, vectors=np.concatenate(vectors), labels=np.array(labels))
    with np.load(kept, allow_pickle=False) as loaded:
        return Labelled(name, loaded["vectors"], loaded["labels"])
