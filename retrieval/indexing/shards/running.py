"""Encodes data sets into a folder of shards; a run that was killed is continued by the next."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from retrieval.errors import ModelMismatch, SourceError, explain_os_error
from retrieval.images.places import joined
from retrieval.images.sources import Source
from retrieval.images.sources.folders import FolderSource
from retrieval.indexing.progress import Trouble
from retrieval.indexing.shards import ShardProblem
from retrieval.indexing.shards.encoding import EncodeOptions, StoppedError
from retrieval.indexing.shards.engines import Engine
from retrieval.indexing.shards.files import (
    Manifest,
    digest_of,
    forget_others,
    read_manifest,
    record_of,
    shards_by_digest,
    write_manifest,
    write_shard,
)
from retrieval.indexing.shards.planning import Failure, Job, plan
from retrieval.specs import ModelSpec

_PROBLEMS_KEPT = 1000
_REPORT_EVERY_S = 0.1


@dataclass(slots=True)
class EncodeProgress:
    """The state of a run: shards written and skipped because they were there; pictures of both.

    `handled` counts the pictures that this run has read, `problems` those that cannot be used.
    `troubles` lists the first of them, `failures` the sources that could not be read at all.
    `stopped` says that the run ended early, on request.
    """

    written: int = 0
    skipped: int = 0
    pictures: int = 0
    handled: int = 0
    problems: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0


def encode_sources(
    sources: Sequence[Source],
    folder: str,
    model: ModelSpec,
    engine: Engine,
    options: EncodeOptions,
    *,
    retry: bool = False,
    stop: threading.Event | None = None,
    on_progress: Callable[[EncodeProgress], None] = lambda _: None,
) -> EncodeProgress:
    """Encode data sets into a folder; return the last progress.

    Shards that are there are kept; with `retry`, those are made again that have pictures which
    could not be read for the moment. Raises SourceError if the folder holds other files or cannot
    be written, ModelMismatch if it holds shards of another model.
    """
    return _Run(folder, model, stop or threading.Event(), on_progress).run(
        sources, engine, options, retry=retry
    )


class _Run:
    def __init__(
        self,
        folder: str,
        model: ModelSpec,
        stop: threading.Event,
        on_progress: Callable[[EncodeProgress], None],
    ) -> None:
        self._folder, self._model, self._stop, self._on_progress = folder, model, stop, on_progress
        self._state = EncodeProgress()
        self._names: dict[str, None] = {}  # ordered
        self._started, self._reported = time.monotonic(), 0.0

    def run(
        self,
        sources: Sequence[Source],
        engine: Engine,
        options: EncodeOptions,
        *,
        retry: bool,
    ) -> EncodeProgress:
        manifest = self._begin()
        try:
            jobs = self._left(plan(sources, self._model.fingerprint, options), retry=retry)
            for each in engine.run(jobs, options, self._count):
                if isinstance(each, Failure):
                    self._state.failures.append(each)
                    continue
                if manifest.finished:  # until all is there again
                    manifest = replace(manifest, finished=False)
                    write_manifest(self._folder, manifest)
                write_shard(self._folder, each.job.name, each.shard)
                self._state.written += 1
                self._note(len(each.shard.rows), each.shard.problems)
            self._finish(manifest, sources)
        except StoppedError:
            self._state.stopped = True
        except OSError as error:
            raise explain_os_error(error) from error
        self._state.seconds = time.monotonic() - self._started
        return self._state

    def _begin(self) -> Manifest:
        """Make the folder, or check that it is one of shards of the same model."""
        found = read_manifest(self._folder)
        if found is None:
            try:
                os.makedirs(self._folder, exist_ok=True)
                others = os.listdir(self._folder)
            except OSError as error:
                raise explain_os_error(error) from error
            if others:
                raise SourceError(
                    f"{self._folder} holds other files, and no shards", "name a new folder"
                )
            found = Manifest(self._model)
            write_manifest(self._folder, found)
        elif found.model.fingerprint != self._model.fingerprint:
            raise ModelMismatch(
                f"{self._folder} holds shards of the model {found.model.name}, not of "
                f"{self._model.name}",
                "name another folder, or the same model with --model",
            )
        return found

    def _left(self, jobs: Iterator[Job | Failure], *, retry: bool) -> Iterator[Job]:
        """Yield the jobs whose shards are not there, each once."""
        there = shards_by_digest(self._folder)
        for job in jobs:
            if self._stop.is_set():
                raise StoppedError
            if isinstance(job, Failure):
                self._state.failures.append(job)
                continue
            name = there.setdefault(digest_of(job.name), job.name)
            if name in self._names:
                continue  # a source was named twice
            self._names[name] = None
            facts = record_of(self._folder, name)
            if facts is None or (retry and facts.retryable):
                yield replace(job, name=name)
                continue
            self._state.skipped += 1
            self._note(facts.pictures, facts.problems)
            self._count(0)

    def _note(self, pictures: int, problems: Sequence[ShardProblem]) -> None:
        self._state.pictures += pictures
        self._state.problems += len(problems)
        for problem in problems[: max(0, _PROBLEMS_KEPT - len(self._state.troubles))]:
            place = joined(problem.root, problem.path) if problem.path else problem.root
            self._state.troubles.append(Trouble(place, problem.reason))

    def _count(self, pictures: int) -> None:
        if self._stop.is_set():
            raise StoppedError
        self._state.handled += pictures
        now = time.monotonic()
        if now - self._reported > _REPORT_EVERY_S:
            self._reported = now
            self._state.seconds = now - self._started
            self._on_progress(self._state)

    def _finish(self, manifest: Manifest, sources: Sequence[Source]) -> None:
        there = [name for name in self._names if record_of(self._folder, name) is not None]
        failed = tuple((each.source, each.reason) for each in self._state.failures)
        folders = tuple(each.name for each in sources if isinstance(each, FolderSource))
        done = replace(manifest, finished=True, shards=tuple(there), folders=folders, failed=failed)
        write_manifest(self._folder, done)
        if not failed:
            forget_others(self._folder, there)
