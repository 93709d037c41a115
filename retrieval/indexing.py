"""Bringing a library up to date with folders on disk.

    walk → diff with the catalogue → read ahead in threads → encode a batch → commit it

Nothing here prints: `index` yields `Progress` records, the last of which carries the whole tally.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import (
    Batch,
    Catalogue,
    FileRecord,
    ImageRecord,
    KnownContents,
    ProblemRecord,
    Scan,
    Scope,
)
from retrieval.images import FoundFile, Picture, PictureInfo, Problem
from retrieval.images.decoding import read_picture
from retrieval.model_in_use import ModelInUse
from retrieval.progress import IndexOptions, Phase, Progress, Tally, Trouble
from retrieval.read_ahead import read_ahead
from retrieval.scanning import Walked, walk_into

_COMMIT_ROWS = 512
"""Files that need no encoding are committed in groups of this many."""

_FIRST_BATCH = 32
"""Pictures in a batch until the encoder, which is loaded when it is needed, says what it likes."""

_REPORT_EVERY_S = 0.1

_PROBLEMS_KEPT = 1000
"""So many troubles are carried in the last record; the catalogue has them all."""

_REFRESH_MIN = 20_000
"""A long run refreshes the cache after this many pictures, then after ever more."""


@dataclass(slots=True)
class _Waiting:
    """Files whose pictures wait for the encoder, and what else the next commit records."""

    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    contents: dict[bytes, PictureInfo] = field(default_factory=dict)
    files: list[FileRecord] = field(default_factory=list)
    problems: list[ProblemRecord] = field(default_factory=list)

    def rows(self) -> int:
        return len(self.files) + len(self.problems)


class Indexer:
    """One run over some scopes of a catalogue; the caller holds the writer's lock."""

    def __init__(
        self,
        catalogue: Catalogue,
        model: ModelInUse,
        options: IndexOptions,
        *,
        stop: threading.Event,
        refresh: Callable[[], None],
    ) -> None:
        self._catalogue = catalogue
        self._model = model
        self._options = options
        self._stop = stop
        self._refresh = refresh
        self._batch_size = options.batch_size or _FIRST_BATCH
        self._started = time.monotonic()
        self._tally = Tally()
        self._since_refresh = 0
        self._root = ""
        self._missing: list[Trouble] = []
        self._unseen: list[Trouble] = []
        self._problems: list[Trouble] = []

    def run(self, scopes: Sequence[Scope]) -> Iterator[Progress]:
        """Index each scope in turn; yield progress, at most some ten times a second."""
        known = self._catalogue.known_contents(self._model.row)
        try:
            for scope in scopes:
                if not self._stop.is_set():
                    self._root = scope.root.path
                    yield from self._index_scope(scope, known)
        finally:
            known.close()
        self._catalogue.contents.expire_orphans(older_than_days=self._options.keep_orphans_days)
        self._refresh()
        yield replace(
            self._progress("done"),
            missing=tuple(self._missing),
            unseen=tuple(self._unseen),
            problems=tuple(self._problems),
            stopped=self._stop.is_set(),
        )

    def _index_scope(self, scope: Scope, known: KnownContents) -> Iterator[Progress]:
        scan = self._catalogue.scan(scope)
        walked = yield from self._walk(scope, scan)
        if self._stop.is_set():
            return
        self._missing += walked.missing
        self._unseen += walked.unseen
        self._catalogue.roots.set_missing(scope.root, missing=bool(walked.root_missing))
        if walked.root_missing:
            self._missing.append(Trouble(scope.root.path, walked.root_missing))
            return
        counts = scan.compare(self._model.row.id, self._options.limits.max_megapixels)
        self._count(pending=counts.pending)
        yield self._progress("encode")
        yield from self._read_and_encode(scope, scan, known)
        # Last, so that a file which was moved has found its content again by now.
        self._count(removed=scan.forget_gone())

    def _walk(self, scope: Scope, scan: Scan) -> Generator[Progress, None, Walked]:
        steps = walk_into(self._catalogue, scope, scan, self._stop)
        while True:
            try:
                self._count(found=next(steps))
            except StopIteration as end:
                walked: Walked = end.value
                return walked
            yield self._progress("scan")

    def _read_and_encode(
        self, scope: Scope, scan: Scan, known: KnownContents
    ) -> Iterator[Progress]:
        def read(file: FoundFile) -> Picture | Problem:
            if file.unsupported:
                return Problem(file.unsupported)
            return read_picture(
                os.path.join(scope.root.path, file.path),
                self._model.row.spec.preprocessing,
                self._options.limits,
                lambda sha256: sha256 not in known,
            )

        waiting = _Waiting()
        reported = 0.0
        results = read_ahead(
            read,
            scan.pending(),
            threads=self._options.threads,
            depth=lambda: 2 * self._batch_size + self._options.threads,
        )
        with closing(results):
            for file, result in results:
                self._take(scope, file, result, waiting, known)
                full = len(waiting.pixels) >= self._batch_size
                if full or waiting.rows() >= _COMMIT_ROWS:
                    self._commit(scope, waiting)
                    waiting = _Waiting()
                    if self._stop.is_set():
                        return
                if time.monotonic() - reported > _REPORT_EVERY_S:
                    reported = time.monotonic()
                    yield self._progress("encode")
        self._commit(scope, waiting)
        yield self._progress("encode")

    def _take(
        self,
        scope: Scope,
        file: FoundFile,
        result: Picture | Problem,
        waiting: _Waiting,
        known: KnownContents,
    ) -> None:
        """Sort one result into what the next commit records."""
        if isinstance(result, Problem):
            self._take_problem(scope, file, result, waiting)
            return
        self._count(handled=1, read_bytes=result.size)
        waiting.files.append(FileRecord(file.path, result.size, result.mtime_ns, result.sha256))
        # A copy that was read ahead may have become known since, with an earlier batch.
        is_known = result.sha256 in waiting.contents or result.sha256 in known
        if result.pixels is None or result.info is None or is_known:
            self._count(reused=1)
            return
        waiting.contents[result.sha256] = result.info
        waiting.pixels.append(result.pixels)

    def _take_problem(
        self, scope: Scope, file: FoundFile, problem: Problem, waiting: _Waiting
    ) -> None:
        if problem.kind == "transient":
            self._count(handled=1, transient=1)
        elif file.unsupported:
            self._count(handled=1, unsupported=1)
        else:
            self._count(handled=1, bad=1)
        if problem.kind != "transient":
            kind = "unsupported" if file.unsupported else "bad"
            size, mtime_ns = (
                (file.size, file.mtime_ns) if problem.size < 0 else (problem.size, problem.mtime_ns)
            )
            waiting.problems.append(
                ProblemRecord(file.path, size, mtime_ns, problem.reason, kind, problem.megapixels)
            )
        if not file.unsupported and len(self._problems) < _PROBLEMS_KEPT:
            path = os.path.join(scope.root.path, file.path)
            self._problems.append(Trouble(path, problem.reason))

    def _commit(self, scope: Scope, waiting: _Waiting) -> None:
        images: list[ImageRecord] = []
        if waiting.pixels:
            encoder = self._model.encoder()
            self._batch_size = self._options.batch_size or encoder.batch_size
            embeddings = encoder.encode_images(np.stack(waiting.pixels))
            images = [
                ImageRecord(sha256, info, embedding)
                for (sha256, info), embedding in zip(
                    waiting.contents.items(), embeddings, strict=True
                )
            ]
        self._catalogue.contents.record(
            scope.root,
            self._model.row.id,
            Batch(images, waiting.files, waiting.problems),
        )
        self._count(encoded=len(images))
        self._since_refresh += len(images)
        if self._since_refresh >= max(_REFRESH_MIN, self._tally.encoded // 2):
            self._since_refresh = 0
            self._refresh()

    def _count(self, **more: int) -> None:
        changes = {name: getattr(self._tally, name) + n for name, n in more.items()}
        self._tally = replace(self._tally, **changes)

    def _progress(self, phase: Phase) -> Progress:
        return Progress(phase, self._root, self._tally, time.monotonic() - self._started)
