"""Chooses which file of a group of duplicates to keep, and states why."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from retrieval.catalogue import Catalogue
from retrieval.catalogue.duplicates import KnownFile, KnownImage
from retrieval.duplicates.grouping import Grouping
from retrieval.errors import LibraryError
from retrieval.images.formats import is_raw

Reason = Literal["raw", "pixels", "bytes", "age", "path"]

_REASONS: tuple[Reason, ...] = ("raw", "pixels", "bytes", "age", "path")


@dataclass(frozen=True, slots=True)
class DuplicateFile:
    """A file of a group. `root` is the indexed folder that contains it, `path` is relative to it.

    `likeness`, 0 to 1, is the correlation of its brightness with the kept picture's; 1 for the
    same bytes. `exact` says that the kept file has the same bytes. `reason` says why the kept file
    is preferred: it is raw, has more pixels or bytes, is older, or has a shorter path. `size` is in
    bytes, `mtime_ns` in nanoseconds since 1970, `width` and `height` in pixels as displayed.
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

    @property
    def key(self) -> str:
        """Return a short name of the file, in letters and digits, for programs to name it by."""
        return hashlib.sha256(os.fsencode(self.full_path)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Files that show the same picture. `id` is the kept picture's id in the library."""

    id: int
    kept: DuplicateFile
    redundant: tuple[DuplicateFile, ...]

    @property
    def is_exact(self) -> bool:
        """Tell whether all files have the same bytes."""
        return all(file.exact for file in self.redundant)

    def keeping(self, key: str) -> DuplicateGroup:
        """Return the group with another file kept, which a person chose; `key` is that of the file.

        The others need not be like that file, only like the one that was kept before. LibraryError
        if no file of the group has that key.
        """
        files = (self.kept, *self.redundant)
        chosen = next((file for file in files if file.key == key), None)
        if chosen is None:
            raise LibraryError(
                "the file to keep is not in its group any more", "search for duplicates again"
            )
        others = (
            replace(file, exact=file.image_id == chosen.image_id, reason=None)
            for file in files
            if file is not chosen
        )
        return replace(self, kept=replace(chosen, exact=True, reason=None), redundant=tuple(others))


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """Groups, largest redundant size first; `pictures` is the number of pictures compared.

    `without_thumbnail` of these could only be compared by their bytes.
    """

    groups: tuple[DuplicateGroup, ...]
    pictures: int
    without_thumbnail: int = 0

    def of(self, ids: Sequence[int]) -> tuple[DuplicateGroup, ...]:
        """Return the groups with these ids, or all without ids; LibraryError for an unknown id."""
        known = {each.id: each for each in self.groups}
        for wanted in ids:
            if wanted not in known:
                raise LibraryError(
                    f"there is no group {wanted} of duplicates",
                    "list the groups with: pixtrieve duplicates",
                )
        return tuple(known[each] for each in dict.fromkeys(ids)) if ids else self.groups


@dataclass(frozen=True, slots=True)
class Ranked:
    """A library's images and the files of each, both with the best one first."""

    images: list[KnownImage]
    files: list[list[KnownFile]]

    @classmethod
    def read(cls, catalogue: Catalogue, model_id: int) -> Ranked:
        """Read the images that have a file in a root that exists, and those files."""
        files: dict[int, list[KnownFile]] = {}
        # A root may have been renamed since it was last indexed.
        there = {root.path for root in catalogue.roots.all() if os.path.isdir(root.path)}
        for file in catalogue.duplicates.files():
            if file.root in there:
                files.setdefault(file.image_id, []).append(file)
        images = [image for image in catalogue.duplicates.images(model_id) if image.id in files]
        for image in images:
            files[image.id] = _by_rank(image, files[image.id])
        images.sort(key=lambda image: (rank(image, files[image.id][0]), image.id))
        return cls(images, [files[image.id] for image in images])


def rank(image: KnownImage, file: KnownFile) -> tuple[bool, int, int, float, tuple[int, str, str]]:
    """Return what decides which file is kept, in the order of `Reason`; the lowest wins."""
    return (
        not is_raw(image.format),
        -image.width * image.height,
        -file.size,
        _age(image, file),
        (len(file.root) + len(file.path), file.root, file.path),
    )


def groups_of(ranked: Ranked, near: Grouping) -> list[DuplicateGroup]:
    """Return the groups that have more than one file."""
    members: dict[int, list[int]] = {}
    for row, kept in enumerate(near.kept.tolist()):
        members.setdefault(kept, []).append(row)
    groups = []
    for kept, rows in members.items():
        files = [(row, file) for row in rows for file in ranked.files[row]]
        if len(files) > 1:
            best = ranked.images[kept], ranked.files[kept][0]
            redundant = tuple(
                _file(ranked.images[row], file, best, float(near.likeness[row]))
                for row, file in files
                if file is not best[1]
            )
            groups.append(DuplicateGroup(best[0].id, _file(*best), redundant))
    return groups


def _by_rank(image: KnownImage, files: list[KnownFile]) -> list[KnownFile]:
    return sorted(files, key=lambda file: rank(image, file))


def _age(image: KnownImage, file: KnownFile) -> float:
    """Return when the picture was taken, else when its file was changed, in seconds since 1970."""
    try:
        return datetime.fromisoformat(image.taken).timestamp()
    except (ValueError, OverflowError, OSError):
        return file.mtime_ns / 1e9


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
