"""Duplicates in a library: files with one content, and pictures that differ in no way that matters.

    catalogue → best picture first → groups around the best (`retrieval.grouping`) → what is kept

Nothing here touches a file; `retrieval.moving` does, when it is asked to.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import KnownFile, KnownImage
from retrieval.errors import LibraryError
from retrieval.grouping import LIKENESS, Grouping, Pictures, group
from retrieval.images.formats import is_raw
from retrieval.images.sketch import SIDE
from retrieval.looks import Rows
from retrieval.parts import Parts

Kind = Literal["all", "exact", "near"]
Reason = Literal["raw", "pixels", "bytes", "age", "path"]

_REASONS: tuple[Reason, ...] = ("raw", "pixels", "bytes", "age", "path")
_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class DuplicateFile:
    """A file of a group. `root` is the indexed folder it lies in, `path` relative to that.

    `likeness`, 0 to 1, is how well its brightness agrees with the kept picture's, 1 for the same
    bytes. `exact` says that the kept file has the very same bytes. `reason` is what the kept file
    has over it: it is raw, has more pixels or bytes, is older, or its path is shorter.
    """

    root: str
    path: str
    image_id: int
    sha256: str
    format: str
    width: int
    height: int
    size: int
    mtime_ns: int
    taken: str
    likeness: float = 1.0
    exact: bool = True
    reason: Reason | None = None

    @property
    def full_path(self) -> str:
        """Return the absolute path."""
        return os.path.join(self.root, *self.path.split("/"))


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Files that show one picture. `id` is the kept picture's id in the library."""

    id: int
    kept: DuplicateFile
    redundant: tuple[DuplicateFile, ...]


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """Groups, those first whose redundant files take most room; `pictures` were compared."""

    groups: tuple[DuplicateGroup, ...]
    pictures: int

    def of(self, ids: Sequence[int]) -> DuplicateReport:
        """Return the groups with these ids, all for none; LibraryError for an unknown one."""
        known = {each.id: each for each in self.groups}
        for wanted in ids:
            if wanted not in known:
                raise LibraryError(
                    f"there is no group {wanted}", "list them with: pixtrieve duplicates"
                )
        return DuplicateReport(
            tuple(known[each] for each in dict.fromkeys(ids)) if ids else self.groups,
            self.pictures,
        )


class Duplicates:
    """The duplicates of one library: `Library.duplicates`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rows = parts.catalogue.duplicates

    def find(
        self, kind: Kind = "all", *, threshold: float = LIKENESS, show_kept: bool = False
    ) -> DuplicateReport:
        """Find groups of duplicates; files on drives that are not there are left out.

        "exact" are files with the same bytes, "near" groups of different ones, each with its
        exact copies. `threshold` is the least likeness of near ones, 0 to 1: see
        `retrieval.grouping`. Groups that `keep_all` was told of are shown with `show_kept` only.
        """
        with self._parts.catalogue.reading():
            held = _Held.read(self._parts)
            kept = [] if show_kept else self._rows.kept()
            near = (
                (np.arange(len(held.images)), np.ones(len(held.images), np.float32))
                if kind == "exact"
                else self._near(held, kept, threshold)
            )
        groups = _groups(held, Grouping(*near))
        if kind == "near":
            groups = [each for each in groups if not all(file.exact for file in each.redundant)]
        shown = [each for each in groups if not _is_kept(each, kept)]
        shown.sort(key=lambda each: (-sum(file.size for file in each.redundant), each.id))
        return DuplicateReport(tuple(shown), len(held.images))

    def keep_all(self, groups: Sequence[DuplicateGroup]) -> None:
        """Remember that the files of each group are all to be kept: it is not shown again."""
        with self._parts.writer(), self._parts.catalogue.writing():
            for each in groups:
                counts: dict[int, int] = {}
                for file in (each.kept, *each.redundant):
                    counts[file.image_id] = counts.get(file.image_id, 0) + 1
                self._rows.keep(counts)

    def _near(
        self, held: _Held, kept: list[dict[int, int]], threshold: float
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Group the images that have a sketch; the others stay by themselves."""
        sketches = np.zeros((len(held.images), SIDE * SIDE), np.uint8)
        vectors = np.zeros((len(held.images), self._parts.model.row.spec.dim), np.float16)
        for row, image in enumerate(held.images):
            sketch = self._rows.sketch(image.id)
            if sketch is not None:
                sketches[row] = np.frombuffer(sketch, np.uint8)
        known = [row for row, image in enumerate(held.images) if image.vector_id is not None]
        for start in range(0, len(known), _AT_ONCE):
            rows = known[start : start + _AT_ONCE]
            ids = np.array([held.images[row].vector_id for row in rows], np.int64)
            vectors[rows] = self._parts.nearest.vectors(ids)
        apart = _Apart([image.id for image in held.images], kept)
        pictures = Pictures(sketches.reshape(-1, SIDE, SIDE), vectors, apart.of)
        grouping = group(pictures, threshold)
        return grouping.kept, grouping.likeness


@dataclass(frozen=True, slots=True)
class _Held:
    """The library's images, those first that would be kept, and each one's files likewise."""

    images: list[KnownImage]
    files: list[list[KnownFile]]

    @classmethod
    def read(cls, parts: Parts) -> _Held:
        rows = parts.catalogue.duplicates
        files: dict[int, list[KnownFile]] = {}
        for file in rows.files():
            files.setdefault(file.image_id, []).append(file)
        images = list(rows.images(parts.model.row.id))
        for image in images:
            files[image.id].sort(key=lambda file, image=image: rank(image, file))  # type: ignore[misc]
        images.sort(key=lambda image: (rank(image, files[image.id][0]), image.id))
        return cls(images, [files[image.id] for image in images])


class _Apart:
    """Which rows are known not to be duplicates of each other."""

    def __init__(self, ids: Sequence[int], kept: Sequence[dict[int, int]]) -> None:
        row_of = {image_id: row for row, image_id in enumerate(ids)}
        self._sets: dict[int, set[int]] = {}
        for number, files_by_image in enumerate(kept):
            for image_id in files_by_image:
                if image_id in row_of:
                    self._sets.setdefault(row_of[image_id], set()).add(number)

    def of(self, first: Rows, second: Rows) -> NDArray[np.bool_]:
        """Tell for pairs (m,) whether some kept set holds both."""
        sets, nothing = self._sets, frozenset[int]()
        if not sets:
            return np.zeros(len(first), np.bool_)
        return np.array(
            [
                not sets.get(a, nothing).isdisjoint(sets.get(b, nothing))
                for a, b in zip(first.tolist(), second.tolist(), strict=True)
            ],
            np.bool_,
        )


def rank(image: KnownImage, file: KnownFile) -> tuple[bool, int, int, float, tuple[int, str, str]]:
    """Return what decides which file is kept, in the order of `Reason`: the least is best."""
    return (
        not is_raw(image.format),
        -image.width * image.height,
        -file.size,
        _age(image, file),
        (len(file.root) + len(file.path), file.root, file.path),
    )


def _age(image: KnownImage, file: KnownFile) -> float:
    """Return when the picture was taken or, failing that, its file was changed."""
    try:
        return datetime.fromisoformat(image.taken).timestamp()
    except (ValueError, OverflowError, OSError):
        return file.mtime_ns / 1e9


def _groups(held: _Held, near: Grouping) -> list[DuplicateGroup]:
    members: dict[int, list[int]] = {}
    for row, kept in enumerate(near.kept.tolist()):
        members.setdefault(kept, []).append(row)
    groups = []
    for kept, rows in members.items():
        files = [(row, file) for row in rows for file in held.files[row]]
        if len(files) > 1:
            best = held.images[kept], held.files[kept][0]
            redundant = tuple(
                _file(held.images[row], file, best, float(near.likeness[row]))
                for row, file in files
                if file is not best[1]
            )
            groups.append(DuplicateGroup(best[0].id, _file(*best), redundant))
    return groups


def _file(
    image: KnownImage,
    file: KnownFile,
    best: tuple[KnownImage, KnownFile] | None = None,
    likeness: float = 1.0,
) -> DuplicateFile:
    reason = None
    if best is not None:
        pairs = zip(_REASONS, rank(*best), rank(image, file), strict=True)
        reason = next((name for name, kept, other in pairs if kept != other), None)
    return DuplicateFile(
        root=file.root,
        path=file.path,
        image_id=image.id,
        sha256=image.sha256.hex(),
        format=image.format,
        width=image.width,
        height=image.height,
        size=file.size,
        mtime_ns=file.mtime_ns,
        taken=image.taken,
        likeness=likeness,
        exact=best is None or best[0].id == image.id,
        reason=reason,
    )


def _is_kept(group: DuplicateGroup, kept: Sequence[dict[int, int]]) -> bool:
    """Tell whether a group of one content is among the kept ones, with no more files than then."""
    if not all(file.exact for file in group.redundant):
        return False  # its pictures were joined although kept ones are not: there is a new one
    files = 1 + len(group.redundant)
    return any(files <= each.get(group.id, 0) for each in kept)
