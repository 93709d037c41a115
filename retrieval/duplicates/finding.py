"""Finds duplicates in a library: files with the same content, and near-identical pictures.

    catalogue → best picture first (`keeping`) → groups around the best (`grouping`) → what is kept

Finding changes no file. Moving redundant files away (`moving`) is a separate step that can be
undone. Pixtrieve never does more than that to them.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.duplicates import KnownImage
from retrieval.catalogue.edits import PictureKey
from retrieval.context import Context
from retrieval.duplicates.grouping import LIKENESS, Grouping, Pictures, group
from retrieval.duplicates.keeping import (
    DuplicateFile,
    DuplicateGroup,
    DuplicateReport,
    Ranked,
    groups_of,
)
from retrieval.duplicates.moving import Destination, LeftAlone, Moved, is_pending, move_aside, undo
from retrieval.duplicates.perceptual_hash import Rows
from retrieval.errors import LibraryError
from retrieval.images.luma_thumbnail import SIDE
from retrieval.query.spelling import absolute
from retrieval.whole_file import require_inside

Kind = Literal["all", "exact", "near"]

_BLOCK = 8192


class Duplicates:
    """The duplicates of one library: `Library.duplicates`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows = context.catalogue.duplicates
        self._logs = os.path.join(os.path.dirname(context.catalogue.path), "moves")

    def find(
        self, kind: Kind = "all", *, threshold: float = LIKENESS, show_kept: bool = False
    ) -> DuplicateReport:
        """Find groups of duplicates; files on drives that are not connected are left out.

        "exact" finds files with the same bytes. "near" finds groups of different contents, each
        with its exact copies. `threshold` is the least likeness of near duplicates, 0 to 1: see
        `duplicates.grouping`. Groups that were passed to `keep_all` appear only with `show_kept`.
        """
        with self._context.catalogue.reading():
            ranked = Ranked.read(self._context.catalogue, self._context.model.row.id)
            kept = [] if show_kept else self._rows.kept()
            count, without_thumbnail = len(ranked.images), 0
            grouping = Grouping(np.arange(count), np.ones(count, np.float32))
            if kind != "exact" and count:
                pictures, without_thumbnail = self._pictures(ranked.images, kept)
                grouping = group(pictures, threshold)
        groups = [
            each
            for each in groups_of(ranked, grouping)
            if not (kind == "near" and each.is_exact) and not _is_kept(each, kept)
        ]
        groups.sort(key=lambda each: (-sum(file.size for file in each.redundant), each.id))
        return DuplicateReport(tuple(groups), count, without_thumbnail)

    def keep_all(self, groups: Sequence[DuplicateGroup]) -> None:
        """Remember to keep all files of each group, and do not report the group again.

        A group with a new file is reported again. This works while an indexing run is writing.
        """
        with self._context.catalogue.writing():
            for each in groups:
                self._rows.keep(_files_by_image(each))

    def unkeep(self, groups: Sequence[DuplicateGroup]) -> None:
        """Report groups again that were passed to `keep_all`; others stay as they are."""
        with self._context.catalogue.writing():
            for each in groups:
                self._rows.unkeep(_files_by_image(each))

    def new_log(self) -> str:
        """Return the path of a log that does not exist yet, in the library's folder.

        Raises LibraryError if the folder of logs is a link to somewhere else.
        """
        try:
            require_inside(os.path.dirname(self._logs), self._logs)
        except OSError as error:
            raise LibraryError(
                f"{self._logs} is a link to {os.path.realpath(self._logs)}, which is not in the "
                "library",
                "delete the link; no file was moved",
            ) from error
        stem = os.path.join(self._logs, time.strftime("%Y-%m-%dT%H-%M-%S"))
        number, path = 1, f"{stem}.jsonl"
        while os.path.lexists(path):
            number += 1
            path = f"{stem}-{number}.jsonl"
        return path

    def last_log(self) -> str:
        """Return the newest log with files to move back; LibraryError if there is none."""
        names = sorted(os.listdir(self._logs), reverse=True) if os.path.isdir(self._logs) else []
        for name in names:
            path = os.path.join(self._logs, name)
            if is_pending(path):
                return path
        raise LibraryError(
            "there is nothing to move back", f"the logs of moves are in {self._logs}"
        )

    def move(
        self, groups: Sequence[DuplicateGroup], folder: str | os.PathLike[str], log: str
    ) -> Iterator[Moved | LeftAlone]:
        """Move the redundant files of groups into a folder, and yield the result for each.

        The work happens as the iterator is consumed. Moved files leave the library at once. Each
        step is written to the log (`new_log`) before it is taken: see
        `retrieval.duplicates.moving`. Raises LibraryBusy when another process is writing,
        LibraryError when the folder lies in an indexed one or cannot be written.
        """
        roots = tuple(root.path for root in self._context.catalogue.roots.all())
        target = absolute(folder)
        with self._context.writer():
            yield from move_aside(groups, Destination(target, log, roots), self._forget)

    def undo(self, log: str | os.PathLike[str]) -> Iterator[Moved | LeftAlone]:
        """Move the files of a log back, the last first, and yield the result for each.

        The work happens as the iterator is consumed; the next `index` adds the files again.
        Raises LibraryBusy as `move` does, LibraryError when the file is not a log of moves.
        """
        with self._context.writer():
            yield from undo(os.fspath(log))

    def _forget(self, file: DuplicateFile, kept: DuplicateFile) -> None:
        key = PictureKey(kept.sha256, kept.full_path)
        with self._context.catalogue.writing():
            self._rows.inherit(file.root, file.path, key)
            self._rows.forget_file(file.root, file.path)

    def _pictures(
        self, images: Sequence[KnownImage], kept: Sequence[Mapping[int, int]]
    ) -> tuple[Pictures, int]:
        """Return what images are compared by, and how many have no thumbnail (treated as flat)."""
        thumbnails = np.zeros((len(images), SIDE * SIDE), np.uint8)
        without_thumbnail = 0
        for row, image in enumerate(images):
            thumbnail = self._rows.luma_thumbnail(image.id)
            without_thumbnail += thumbnail is None
            if thumbnail is not None:
                thumbnails[row] = np.frombuffer(thumbnail, np.uint8)
        vector_ids = np.array([image.vector_id or 0 for image in images], np.int64)

        def vectors_of(rows: Rows) -> NDArray[np.float16]:
            return self._vectors(vector_ids[rows])

        distinct = _DistinctPairs(images, kept)
        pictures = Pictures(thumbnails.reshape(-1, SIDE, SIDE), vectors_of, distinct.of)
        return pictures, without_thumbnail

    def _vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return the vectors (n, dim) of ids (n,), zeros for an id without one."""
        images = self._context.images
        vectors = np.zeros((len(ids), self._context.model.row.spec.dim), np.float16)
        known = np.flatnonzero(images.holds(ids))
        for start in range(0, len(known), _BLOCK):
            rows = known[start : start + _BLOCK]
            vectors[rows] = images.vectors(ids[rows])
        return vectors


class _DistinctPairs:
    """Rows that the user declared not to be duplicates of each other."""

    def __init__(self, images: Sequence[KnownImage], kept: Sequence[Mapping[int, int]]) -> None:
        row_of = {image.id: row for row, image in enumerate(images)} if kept else {}
        self._sets: dict[int, set[int]] = {}
        for number, files_by_image in enumerate(kept):
            for image_id in files_by_image.keys() & row_of.keys():
                self._sets.setdefault(row_of[image_id], set()).add(number)

    def of(self, first: Rows, second: Rows) -> NDArray[np.bool_]:
        """Tell for pairs (m,) whether some kept set contains both."""
        sets, nothing = self._sets, frozenset[int]()
        if not sets:
            return np.zeros(len(first), np.bool_)
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        together = [not sets.get(a, nothing).isdisjoint(sets.get(b, nothing)) for a, b in pairs]
        return np.array(together, np.bool_)


def _files_by_image(found: DuplicateGroup) -> dict[int, int]:
    return dict(Counter(file.image_id for file in (found.kept, *found.redundant)))


def _is_kept(group: DuplicateGroup, kept: Sequence[Mapping[int, int]]) -> bool:
    """Tell whether a group of one content is a kept one, with no more files than at that time.

    Kept sets of different contents form no group; a group of several contents has a new picture.
    """
    files = 1 + len(group.redundant)
    return group.is_exact and any(files <= each.get(group.id, 0) for each in kept)
