"""Brings a library up to date with folders on disk.

    walk → diff with the catalogue → read ahead in threads → encode a batch → commit it

Nothing here prints: `run` yields `Progress` records, and the last one has the final counts.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from retrieval.catalogue import Catalogue
from retrieval.catalogue.contents import Batch, FileRecord, ProblemRecord
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.catalogue.known_contents import KnownContents
from retrieval.catalogue.scan import Pending, Scan, Scope
from retrieval.context import ModelInUse
from retrieval.images import Picture, Problem
from retrieval.images.videos.containers import MISSING
from retrieval.indexing.calibration import calibrate, pictures_wanted
from retrieval.indexing.encoding import encode_in_batches
from retrieval.indexing.facts import place_pictures, read_again
from retrieval.indexing.load_ahead import BackgroundEncoder
from retrieval.indexing.progress import IndexOptions, Progress, Trouble
from retrieval.indexing.read_file import Reader, read_all
from retrieval.indexing.run_report import RunReport
from retrieval.indexing.scanning import WalkResult, walk_into
from retrieval.indexing.still_writing import StillWriting
from retrieval.indexing.waiting import Waiting
from retrieval.texts.collect import encode_descriptions, read_sidecars, refresh_texts

_COMMIT_ROWS = 512
"""Files that need no encoding are committed in groups of this size."""
_FIRST_BATCH = 32
"""Pictures per batch until the encoder is loaded and says which size suits it."""

_REPORT_EVERY_S = 0.1

_NO_VECTOR = "the model could not encode it"

_REFRESH_MIN = 20_000
"""A long run first refreshes the cache after this many pictures, then at growing intervals."""


class Indexer:
    """One run over some scopes of a catalogue; the caller holds the writer's lock."""

    def __init__(
        self,
        catalogue: Catalogue,
        model: ModelInUse,
        options: IndexOptions,
        *,
        stop: threading.Event,
        mend: Callable[[bool], None],
        refresh: Callable[[], None],
    ) -> None:
        self._catalogue = catalogue
        self._model = model
        self._encoder = BackgroundEncoder(model.encoder)
        self._options = options
        self._stop = stop
        self._mend = mend
        self._refresh = refresh
        self._batch_size = options.batch_size or _FIRST_BATCH
        self._report = RunReport()
        self._still_writing = StillWriting(options)
        self._since_refresh = 0
        self._calibrated_scope: Scope | None = None

    def run(self, scopes: Sequence[Scope], skipped: Sequence[Trouble] = ()) -> Iterator[Progress]:
        """Index each scope; yield progress, with `skipped` among the problems of the last."""
        for trouble in skipped:
            self._report.add_problem(trouble.path, trouble.reason)
        self._mend(any(not (scope.files or scope.folders) for scope in scopes))
        known = self._catalogue.known_contents(self._model.row)
        try:
            for scope in scopes:
                if not self._stop.is_set():
                    self._report.root = scope.root.path
                    yield from self._index_scope(scope, known)
        finally:
            known.close()
            self._encoder.close()
        yield from self._refresh_texts()
        if not self._stop.is_set():
            days = self._options.keep_orphans_days
            self._catalogue.contents.expire_orphans(older_than_days=days)
        self._refresh_cache()
        yield self._report.final(self._still_writing.waiting, stopped=self._stop.is_set())

    def _index_scope(self, scope: Scope, known: KnownContents) -> Iterator[Progress]:
        scan = self._catalogue.scan(scope)
        walked = yield from self._walk(scope, scan)
        if self._stop.is_set():
            return
        self._report.missing += walked.missing
        self._report.unreadable += walked.unreadable
        self._catalogue.roots.set_missing(scope.root, missing=bool(walked.root_missing))
        if walked.root_missing:
            self._report.missing.append(Trouble(scope.root.path, walked.root_missing))
            return
        with self._report.stopwatch.time_stage("scan"):
            limit = self._options.limits.max_megapixels
            counts = scan.compare(self._model.row.id, limit, retry=self._options.retry)
        self._report.count(pending=counts.pending)
        yield self._report.progress("encode")
        yield from self._read_and_encode(scope, scan, known)
        if not self._stop.is_set():
            # Last, so that a moved file has been matched with its content by now.
            with self._report.stopwatch.time_stage("commit"):
                self._report.count(removed=scan.forget_gone())
                for _ in read_again(self._catalogue, scope, self._options, self._stop):
                    yield self._report.progress("encode")
                read_sidecars(self._catalogue, scope, scan, self._stop)
                if not (scope.files or scope.folders):
                    self._catalogue.roots.set_looked(scope.root, time.time())

    def _refresh_texts(self) -> Iterator[Progress]:
        """Bring the texts that belong to pictures, and their vectors, up to date."""
        for count in refresh_texts(self._catalogue, self._stop):
            self._report.count(texts_updated=count)
            yield self._report.progress("encode")
        for _ in place_pictures(self._catalogue, self._stop):
            yield self._report.progress("encode")
        pages = encode_descriptions(self._catalogue, self._model, self._stop)
        for count in self._report.stopwatch.time_each("encode", pages):
            self._report.count(described=count)
            yield self._report.progress("encode")

    def _walk(self, scope: Scope, scan: Scan) -> Generator[Progress, None, WalkResult]:
        steps = walk_into(self._catalogue, scope, scan, self._stop, self._still_writing)
        while True:
            try:
                with self._report.stopwatch.time_stage("scan"):
                    self._report.count(found=next(steps))
            except StopIteration as end:
                walked: WalkResult = end.value
                return walked
            yield self._report.progress("scan")

    def _read_and_encode(
        self, scope: Scope, scan: Scan, known: KnownContents
    ) -> Iterator[Progress]:
        read = Reader(
            root=scope.root.path,
            preprocessing=self._model.row.spec.preprocessing,
            limits=self._options.limits,
            known=known,
            stopwatch=self._report.stopwatch,
            found_new=self._encoder.start,
        )
        waiting = Waiting()
        reported = 0.0
        results = read_all(
            read,
            scan.pending,
            threads=self._options.threads,
            depth=lambda: 2 * self._batch_size + self._options.threads,
        )
        with closing(results):
            for pending, result in self._report.stopwatch.time_each("wait", results):
                if self._stop.is_set():
                    return
                self._take(scope, pending, result, waiting, known)
                full = len(waiting.pixels) >= self._batch_size
                if full or waiting.rows() >= _COMMIT_ROWS:
                    yield from self._calibrate(scope, scan, waiting)
                    self._commit(scope, waiting)
                    waiting = Waiting()
                if time.monotonic() - reported > _REPORT_EVERY_S:
                    reported = time.monotonic()
                    yield self._report.progress("encode")
        yield from self._calibrate(scope, scan, waiting)
        self._commit(scope, waiting)
        yield self._report.progress("encode")

    def _calibrate(self, scope: Scope, scan: Scan, waiting: Waiting) -> Iterator[Progress]:
        """Calibrate an encoder that needs it on pictures of the scope, before the first batch."""
        if not waiting.pixels or self._calibrated_scope is scope:
            return
        self._calibrated_scope = scope

        def paths() -> Iterator[str]:
            for file in (pending.file for pending in scan.pending()):
                if not file.unsupported:
                    yield os.path.join(scope.root.path, file.path)

        with self._report.stopwatch.time_stage("load"):
            encoder = self._encoder()
            wanted = pictures_wanted(encoder)
            if wanted:
                yield self._report.progress("calibrate")
                calibrate(encoder, paths, wanted, self._options)

    def _take(
        self,
        scope: Scope,
        pending: Pending,
        result: Picture | Problem,
        waiting: Waiting,
        known: KnownContents,
    ) -> None:
        """Add one result to what the next commit records."""
        file = pending.file
        if isinstance(result, Problem):
            self._take_problem(scope, pending, result, waiting)
            return
        self._report.count(handled=1, read_bytes=result.size)
        waiting.files.append(FileRecord(file.path, result.size, result.mtime_ns, result.sha256))
        # An earlier batch may have stored a copy of this content since it was read ahead.
        is_known = result.sha256 in waiting.contents or result.sha256 in known
        if result.pixels is None or result.info is None or is_known:
            self._report.count(reused=1)
            return
        waiting.add(result)

    def _take_problem(
        self, scope: Scope, pending: Pending, problem: Problem, waiting: Waiting
    ) -> None:
        file = pending.file
        may_wait = scope.root.whole and not file.unsupported
        if may_wait and self._still_writing.broken_must_wait(
            os.path.join(scope.root.path, file.path)
        ):
            self._report.count(handled=1)
            return
        kind = "unsupported" if file.unsupported else problem.kind
        if pending.indexed:
            # It was readable once; another model or a lower limit does not change that.
            kind = "transient"
        lacks_reader = file.unsupported == MISSING
        self._report.count(handled=1, unread_videos=int(lacks_reader), **{kind: 1})
        read = problem.size >= 0
        record = ProblemRecord(
            path=file.path,
            size=problem.size if read else file.size,
            mtime_ns=problem.mtime_ns if read else file.mtime_ns,
            reason=problem.reason,
            kind=kind,
            megapixels=problem.megapixels,
        )
        waiting.problems.append(record)
        if not file.unsupported:
            self._report.add_problem(os.path.join(scope.root.path, file.path), problem.reason)

    def _commit(self, scope: Scope, waiting: Waiting) -> None:
        if not waiting.rows():
            return
        images = self._encode(waiting)
        encoded = {image.sha256 for image in images}
        failed = waiting.contents.keys() - encoded
        files = [file for file in waiting.files if file.sha256 not in failed]
        problems = list(waiting.problems)
        for file in waiting.files:
            if file.sha256 in failed:
                problem = ProblemRecord(file.path, file.size, file.mtime_ns, _NO_VECTOR, "bad")
                problems.append(problem)
                self._report.add_problem(os.path.join(scope.root.path, file.path), _NO_VECTOR)
                self._report.count(bad=1)
        batch = Batch(images, files, problems)
        with self._report.stopwatch.time_stage("commit"):
            self._catalogue.contents.record(scope.root, self._model.row.id, batch)
        self._report.count(encoded=len(images))
        self._since_refresh += len(images)
        if self._since_refresh >= max(_REFRESH_MIN, self._report.tally.encoded // 2):
            self._since_refresh = 0
            self._refresh_cache()

    def _encode(self, waiting: Waiting) -> list[ImageRecord]:
        """Encode the waiting pictures: see `encode_in_batches`."""
        if not waiting.pixels:
            return []
        with self._report.stopwatch.time_stage("load") as switch_to:
            encoder = self._encoder()
            self._batch_size = self._options.batch_size or encoder.batch_size
            switch_to("encode")
            rows = encode_in_batches(encoder, waiting.pixels, self._batch_size)
        return waiting.records(rows)

    def _refresh_cache(self) -> None:
        with self._report.stopwatch.time_stage("cache"):
            self._refresh()
