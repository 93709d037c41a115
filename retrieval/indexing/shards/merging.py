"""Merges shards into a catalogue: what an indexing run would have recorded, without a model.

Shards come in the order of their sources, so pictures and vectors get the ids that a run on one
machine gives them. A merge that was interrupted is repeated without harm.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import CAPTION, COLUMNS, Catalogue, ModelRow, Root
from retrieval.catalogue.contents import Batch, FileRecord, ProblemRecord
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.catalogue.known_contents import KnownContents
from retrieval.catalogue.known_roots import KnownRoots
from retrieval.catalogue.roots import relative
from retrieval.catalogue.sidecars import SidecarRecord
from retrieval.images import Described, FoundSidecar
from retrieval.images.places import is_archive, is_elsewhere, joined, place_in
from retrieval.indexing.progress import Progress
from retrieval.indexing.run_report import RunReport
from retrieval.indexing.scopes import make_root
from retrieval.indexing.shards import Shard, ShardProblem, ShardRow
from retrieval.indexing.shards.encoding import THUMBNAIL_SIDE
from retrieval.indexing.shards.known_texts import KnownTexts
from retrieval.query.spelling import is_address
from retrieval.vectors import are_unit
from retrieval.whole_file import require_inside, sealed, whole_file

_COMMIT_ROWS = 512
_DAMAGED = "its vector is not one of length 1; encode it again"


class Merger:
    """Writes shards to a catalogue, a transaction for each page; the caller holds the lock."""

    def __init__(
        self, catalogue: Catalogue, model: ModelRow, folders: Iterable[str], stop: threading.Event
    ) -> None:
        """`folders` are the roots that are folders which were read whole."""
        self._catalogue, self._model, self._stop = catalogue, model, stop
        self._whole = set(folders)
        self._roots: dict[str, tuple[Root, str]] = {}
        self._all_roots: KnownRoots | None = None
        self._thumbnails = os.path.join(os.path.dirname(catalogue.path), "thumbnails")
        self.report = RunReport()
        self.texts = KnownTexts()

    def merge(self, shards: Iterable[Shard]) -> Iterator[Progress]:
        """Merge shards in the order given; yield progress after each page."""
        known = self._catalogue.known_contents(self._model)
        try:
            for shard in shards:
                self.texts.add(shard)
                for start in range(0, len(shard.rows), _COMMIT_ROWS):
                    if self._stop.is_set():
                        return
                    page = slice(start, start + _COMMIT_ROWS)
                    self._merge_page(shard.rows[page], shard.embeddings[page], known)
                    yield self.report.progress("encode")
                self._merge_problems(shard.problems)
                yield self.report.progress("encode")
        finally:
            known.close()

    def _merge_page(
        self, rows: Sequence[ShardRow], vectors: NDArray[np.float16], known: KnownContents
    ) -> None:
        floats = np.asarray(vectors, np.float32)
        sound = are_unit(floats)
        seen: set[bytes] = set()
        images: list[ImageRecord] = []
        kept: list[ShardRow] = []
        for row, vector, good in zip(rows, floats, sound.tolist(), strict=True):
            is_new = row.sha256 not in seen and row.sha256 not in known
            if is_new and not good:
                self._trouble(row.root, row.path, _DAMAGED)
                self.report.count(bad=1)
                continue
            kept.append(row)
            if is_new:
                images.append(ImageRecord(row.sha256, row.info, vector))
            seen.add(row.sha256)
        self._record(kept, images)
        self._record_sidecars(kept)
        self._record_texts(kept)
        for row in kept:
            if row.thumbnail:
                self._keep_thumbnail(row)
        new = len(images)
        self.report.count(found=len(rows), pending=len(rows), handled=len(rows))
        self.report.count(encoded=new, reused=len(kept) - new)

    def _record(self, rows: Sequence[ShardRow], images: Sequence[ImageRecord]) -> None:
        """Record the files by root, each with the images that come first in it."""
        waiting = {image.sha256: image for image in images}
        for root, prefix, of_root in self._by_root(rows):
            files = [
                FileRecord(prefix + row.path, row.size, row.mtime_ns, row.sha256) for row in of_root
            ]
            new = [waiting.pop(row.sha256) for row in of_root if row.sha256 in waiting]
            self._catalogue.contents.record(root, self._model.id, Batch(new, files))

    def _record_sidecars(self, rows: Sequence[ShardRow]) -> None:
        for root, prefix, of_root in self._by_root(rows):
            described = Described(prefix + row.path for row in of_root)
            records = {}
            for each in (one for row in of_root for one in row.sidecars):
                path = prefix + each.path
                found = FoundSidecar(path, each.size, each.mtime_ns, described.by(path))
                told = each.source, each.text, each.facts, each.favourite
                records[path] = SidecarRecord(found, *told)
            if records:
                self._catalogue.sidecars.record(root, list(records.values()))

    def _record_texts(self, rows: Sequence[ShardRow]) -> None:
        """Add captions and columns to those that a picture has."""
        told = [row for row in rows if row.captions or row.columns]
        if not told:
            return
        texts, lookup = self._catalogue.texts, self._catalogue.lookup
        with self._catalogue.writing():
            for row in told:
                image_id = lookup.id_of(row.sha256)
                if image_id is None:
                    continue
                before = {each.source: each.text.split("\n") for each in texts.of_image(image_id)}
                columns = [f"{name}: {value}" for name, value in row.columns]
                added = {CAPTION: row.captions, COLUMNS: columns}
                texts.put(
                    image_id,
                    {
                        source: "\n".join(dict.fromkeys((*before.get(source, ()), *lines)))
                        for source, lines in added.items()
                        if lines
                    },
                )

    def _merge_problems(self, problems: Sequence[ShardProblem]) -> None:
        """Record what could not be used; flaws have no file that the library could list."""
        of_roots: dict[str, list[ShardProblem]] = {}
        for problem in problems:
            self._trouble(problem.root, problem.path, problem.reason)
            if problem.kind != "flaw":
                of_roots.setdefault(problem.root, []).append(problem)
            kind = "bad" if problem.kind == "flaw" else problem.kind
            self.report.count(found=1, pending=1, handled=1, **{kind: 1})
        for name, own in of_roots.items():
            root, prefix = self._root(name)
            records = [
                ProblemRecord(
                    prefix + each.path,
                    each.size,
                    each.mtime_ns,
                    each.reason,
                    each.kind,
                    each.megapixels,
                )
                for each in own
            ]
            self._catalogue.contents.record(root, self._model.id, Batch(problems=records))

    def _by_root(self, rows: Sequence[ShardRow]) -> Iterator[tuple[Root, str, list[ShardRow]]]:
        """Yield root, prefix and rows, for each run of rows that have the same root."""
        start = 0
        for at in range(1, len(rows) + 1):
            if at == len(rows) or rows[at].root != rows[start].root:
                yield *self._root(rows[start].root), list(rows[start:at])
                start = at

    def _root(self, name: str) -> tuple[Root, str]:
        """Return the library's root for a root of shards, and where that is below it."""
        if name not in self._roots:
            own = is_archive(name) or place_in(name) is not None
            above = None if own else self._known_roots().whole_at_or_above(name)
            if above is not None and (is_address(name) or not above.elsewhere):
                below = relative(above, name).replace(os.sep, "/")
                self._roots[name] = above, f"{below}/" if below else ""
            else:
                whole = name in self._whole or is_elsewhere(name)
                with self._catalogue.writing():
                    known = self._known_roots()
                    root = make_root(self._catalogue, name, whole=whole, known=known)
                    self._catalogue.roots.include(root, "remove")  # to import is to name it again
                self._roots[name] = root, ""
        return self._roots[name]

    def _known_roots(self) -> KnownRoots:
        """Return all roots: the caller's lock keeps others from changing them."""
        if self._all_roots is None:
            self._all_roots = KnownRoots(self._catalogue.roots.all())
        return self._all_roots

    def _keep_thumbnail(self, row: ShardRow) -> None:
        sha256 = row.sha256.hex()
        path = os.path.join(self._thumbnails, sha256[:2], f"{sha256}-{THUMBNAIL_SIDE}.webp")
        with suppress(OSError):  # the page makes it anew
            require_inside(os.path.dirname(self._thumbnails), path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with whole_file(path) as file:
                file.write(sealed(row.thumbnail))

    def _trouble(self, root: str, path: str, reason: str) -> None:
        self.report.add_problem(joined(root, path) if path else root, reason)
