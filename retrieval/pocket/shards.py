"""Read the training shards: tar files, `NAME.bin` + `NAME.jsonl` pairs, gzipped JSON lines."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_MANIFEST = "manifest.jsonl"


def read_pictures(path: Path) -> Iterator[tuple[Row, bytes]]:
    """Yield (manifest row, encoded picture) for each item of a `.tar` or `.bin` shard."""
    if path.suffix == ".tar":
        yield from _read_tar(path)
    else:
        yield from _read_bin(path)


def read_manifest(path: Path) -> list[Row]:
    """Read the rows of a `.tar` shard, in the order of its pictures."""
    with tarfile.open(path) as tar:
        return [json.loads(line) for line in _member(tar, _MANIFEST).decode().splitlines()]


def read_rows(path: Path) -> list[Row]:
    """Read all rows of a JSON-lines file, gzipped or not."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return [json.loads(line) for line in data.decode("utf-8").splitlines()]


def _read_tar(path: Path) -> Iterator[tuple[Row, bytes]]:
    with tarfile.open(path) as tar:
        for line in _member(tar, _MANIFEST).decode().splitlines():
            row = json.loads(line)
            yield row, _member(tar, row["file"])


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    stream = tar.extractfile(name)
    if stream is None:
        raise ValueError(f"{name} in {tar.name!s} is not a regular file")
    return stream.read()


def _read_bin(path: Path) -> Iterator[tuple[Row, bytes]]:
    with path.open("rb") as blob:
        for row in read_rows(path.with_suffix(".jsonl")):
            blob.seek(row["off"])
            yield row, blob.read(row["len"])
