"""The contents of a library at one moment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from retrieval.catalogue import WHOLE, Catalogue, Counts, Root
from retrieval.folder.session import cache_path, index_kind
from retrieval.specs import ModelSpec
from retrieval.stores.tuning import Tuning, read_tuning

_NOTHING = Counts(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Status:
    """The contents of a library; `disk_bytes` is the size of its folder.

    `wanted_index` is what the user wants, `index` the kind that is used. `tuning` is what was
    measured of an approximate one, None of an exact one, or before it was measured.
    """

    path: str
    model: ModelSpec
    counts: Counts
    roots: tuple[Root, ...]
    disk_bytes: int
    wanted_index: str = "auto"
    index: str = "exact"
    tuning: Tuning | None = None


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """An indexed folder: its counts, and when a run last went through all of it.

    `looked` is in seconds since 1970, None if that is not known.
    """

    root: Root
    counts: Counts
    looked: float | None


def read_folders(catalogue: Catalogue) -> tuple[FolderStatus, ...]:
    """Return every indexed folder, by path."""
    with catalogue.reading():
        counts, looked = catalogue.lookup.counts_by_root(), catalogue.roots.looked()
        return tuple(
            FolderStatus(root, counts.get(root.id, _NOTHING), looked.get(root.id))
            for root in catalogue.roots.all()
        )


def read_status(path: str, catalogue: Catalogue, model: ModelSpec) -> Status:
    """Count a library's contents in one transaction."""
    with catalogue.reading():
        kind = index_kind(catalogue)
        return Status(
            path=path,
            model=model,
            counts=catalogue.lookup.counts(),
            roots=tuple(catalogue.roots.all()),
            disk_bytes=_size_of(path),
            wanted_index=catalogue.setting("index", "auto"),
            index=kind,
            tuning=read_tuning(cache_path(path, model.fingerprint, WHOLE, kind)),
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
