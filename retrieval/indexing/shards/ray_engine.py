"""Encodes on a Ray cluster: one actor for each card, or for some processors, anywhere in it.

A node may die at any moment. Its job goes to another actor, and a new actor is started wherever
there is room. Shards come back to this process, which writes them; nodes need to reach the sources,
not the folder of the shards.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from retrieval.errors import MissingExtra, ModelError, ModelMismatch, PixtrieveError, SourceError
from retrieval.indexing.shards import Shard
from retrieval.indexing.shards.encoding import EncodeOptions, encode_piece
from retrieval.indexing.shards.engines import Encoded, MakeEncoder, require_calibrated
from retrieval.indexing.shards.planning import Failure, Job

_MOST_ATTEMPTS = 5  # of one shard
_DEATHS = 10  # in a row, and two for each worker, because a node may take many with it
_MOST_REASON = 400
_TICK_S = 0.5


class RayEngine:
    """A pool of actors; `workers` of them, or as many as the cluster has room for at the start.

    `address` is that of a running cluster, "auto" to look for one, or "local" to start one here.
    """

    def __init__(
        self,
        make_encoder: MakeEncoder,
        fingerprint: str,
        *,
        address: str = "auto",
        workers: int | None = None,
    ) -> None:
        """Connect to the cluster; raises MissingExtra, or SourceError without a cluster."""
        self._ray = _connected(address)
        self._make, self._fingerprint, self._workers = make_encoder, fingerprint, workers

    def run(
        self, jobs: Iterable[Job], options: EncodeOptions, on_pictures: Callable[[int], None]
    ) -> Iterator[Encoded | Failure]:
        """Yield the jobs as they are done: see `Engine.run`."""
        pool = _Pool(self._ray, self._new_actor, self._count(options), options)
        try:
            for job, answer in pool.run(iter(jobs), on_pictures):
                if isinstance(answer, Failure):
                    yield answer
                else:
                    flaws = sum(each.kind == "flaw" for each in answer.problems)
                    on_pictures(len(answer.rows) + len(answer.problems) - flaws)
                    yield Encoded(job, answer)
        except self._ray.exceptions.RayError as error:
            raise SourceError(
                f"the Ray cluster does not answer any more: {_reason(error)}",
                "start it again and run the same command: the shards that are there are kept",
            ) from error
        finally:
            pool.close()

    def _count(self, options: EncodeOptions) -> int:
        there = self._ray.cluster_resources()
        room = int(there.get("GPU", 0)) or int(there.get("CPU", 1) // options.threads)
        return self._workers or max(1, room)

    def _new_actor(self, options: EncodeOptions) -> Any:
        gpus = 1 if self._ray.cluster_resources().get("GPU", 0) >= 1 else 0
        actor = self._ray.remote(_Worker).options(num_cpus=options.threads, num_gpus=gpus)
        return actor.remote(self._make, self._fingerprint, options)


class _Worker:
    """The actor: a model in a process somewhere. Errors are values, which arrive everywhere."""

    def __init__(self, make: MakeEncoder, fingerprint: str, options: EncodeOptions) -> None:
        self._make, self._fingerprint, self._options = make, fingerprint, options

    def load(self) -> tuple[str, str]:
        """Load the model; return message and hint of the error, both "" if there is none."""
        try:
            self._encoder = self._make()
            require_calibrated(self._encoder)
        except PixtrieveError as error:
            return error.message, error.hint
        if self._encoder.spec.fingerprint != self._fingerprint:
            return (
                f"a node of the cluster has other weights of {self._encoder.spec.name}",
                "fetch the same model on all nodes",
            )
        return "", ""

    def encode(self, job: Job) -> Shard | Failure | ModelError:
        """Return the shard, or the failure of the source; a ModelError ends the run."""
        try:
            return encode_piece(job.piece, self._encoder, self._options)
        except SourceError as error:
            return Failure(job.piece.source.name, error.message)
        except ModelError as error:
            return ModelError(error.message)


class _Pool:
    """Actors and what each is doing: loading its model (None), or a job."""

    def __init__(
        self,
        ray: Any,
        new_actor: Callable[[EncodeOptions], Any],
        count: int,
        options: EncodeOptions,
    ) -> None:
        self._ray, self._new_actor, self._options = ray, new_actor, options
        self._busy: dict[Any, tuple[Any, Job | None]] = {}  # by the reference of the answer
        self._again: deque[Job] = deque()
        self._attempts: dict[str, int] = {}
        self._deaths, self._most_deaths = 0, _DEATHS + 2 * count
        for _ in range(count):
            self._start()

    def run(
        self, jobs: Iterator[Job], on_pictures: Callable[[int], None]
    ) -> Iterator[tuple[Job, Shard | Failure]]:
        """Yield the jobs as they are done; raises ModelError if workers end again and again."""
        while any(job is not None for _, job in self._busy.values()) or self._more(jobs):
            done, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=_TICK_S)
            on_pictures(0)
            for reference in done:
                actor, job = self._busy.pop(reference)
                answer = self._answer(reference)
                if isinstance(answer, _Died):
                    self._note_death(answer)
                    self._ray.kill(actor)  # it may be alive, with an error that is not ours
                    self._start()
                    if job is not None and (failure := self._lost(job, answer)):
                        yield job, failure
                    continue
                if isinstance(answer, ModelError):
                    raise answer
                if job is None:
                    _require_loaded(answer)
                else:
                    self._deaths = 0
                    yield job, answer
                self._give(actor, jobs)

    def close(self) -> None:
        """End the actors, and with them what they are doing."""
        for actor in [actor for actor, _ in self._busy.values()]:
            with suppress(Exception):  # whatever a cluster that is gone raises
                self._ray.kill(actor)
        self._busy.clear()

    def _start(self) -> None:
        actor = self._new_actor(self._options)
        self._busy[actor.load.remote()] = actor, None

    def _more(self, jobs: Iterator[Job]) -> bool:
        """Tell whether there is another job; it is the next that an actor gets."""
        if not self._again and (job := next(jobs, None)) is not None:
            self._again.append(job)
        return bool(self._again)

    def _give(self, actor: Any, jobs: Iterator[Job]) -> None:
        if self._more(jobs):
            job = self._again.popleft()
            self._busy[actor.encode.remote(job)] = actor, job
        else:
            self._ray.kill(actor)

    def _answer(self, reference: Any) -> Any:
        """Return the answer of an actor, or how it, its node or its code failed."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return _Died(_reason(error))

    def _note_death(self, died: _Died) -> None:
        self._deaths += 1
        if self._deaths >= self._most_deaths:
            raise ModelError(
                f"{self._deaths} workers ended one after another, the last one so: {died.reason}",
                "they may lack memory: try fewer --threads, a smaller --batch-size or fewer "
                "--workers. Is the same Pixtrieve installed on all nodes? Their logs are in "
                "/tmp/ray/session_latest/logs. The shards that are there are kept",
            )

    def _lost(self, job: Job, died: _Died) -> Failure | None:
        """Put a job back; return a failure if too many workers have died of it."""
        self._attempts[job.name] = self._attempts.get(job.name, 0) + 1
        if self._attempts[job.name] < _MOST_ATTEMPTS:
            self._again.appendleft(job)
            return None
        return Failure(
            job.piece.source.name,
            f"shard {job.name}: {_MOST_ATTEMPTS} workers ended while they encoded it, the last "
            f"one so: {died.reason}",
        )


@dataclass(frozen=True, slots=True)
class _Died:
    """A worker that gave no answer, and why, in Ray's words."""

    reason: str


def _reason(error: Exception) -> str:
    """Return Ray's words, or those of the error that it has carried here, in one line."""
    cause = getattr(error, "cause", None)
    text = str(error) if cause is None else f"{type(cause).__name__}: {cause}"
    return " ".join(text.split())[:_MOST_REASON] or type(error).__name__


def _require_loaded(answer: tuple[str, str]) -> None:
    message, hint = answer
    if message:
        raise (
            ModelMismatch(message, hint)
            if "other weights" in message
            else ModelError(message, hint)
        )


def _connected(address: str) -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise MissingExtra(
            "ray", "ray", "--engine ray", "Or encode here: --engine local"
        ) from error
    if not ray.is_initialized():
        try:
            ray.init(
                address=address,
                include_dashboard=False if address == "local" else None,
                log_to_driver=False,
                logging_level=logging.WARNING,
            )
        except Exception as error:  # it raises many types
            raise SourceError(
                f"no Ray cluster can be reached at {address}: {error}",
                "start one with: ray start --head; or start one for this run: --ray local",
            ) from error
    return ray
