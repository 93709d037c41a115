"""The contents of a library at one moment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from retrieval.catalogue import Catalogue, Counts, Root
from retrieval.specs import ModelSpec


@dataclass(frozen=True, slots=True)
class Status:
    """The contents of a library; `disk_bytes` is the size of its folder."""

    path: str
    model: ModelSpec
    counts: Counts
    roots: tuple[Root, ...]
    disk_bytes: int


def read_status(path: str, catalogue: Catalogue, model: ModelSpec) -> Status:
    """Count a library's contents in one transaction."""
    with catalogue.reading():
        return Status(
            path=path,
            model=model,
            counts=catalogue.lookup.counts(),
            roots=tuple(catalogue.roots.all()),
            disk_bytes=_size_of(path),
        )


def _size_of(folder: str) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:  # a temporary file, renamed meanwhile
                continue
    return total
