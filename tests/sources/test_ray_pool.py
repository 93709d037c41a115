"""What the pool of Ray's workers does when they end: no cluster is needed to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from support.fakes import FakeEncoder

from retrieval.errors import ModelError, SourceError
from retrieval.images.sources import Piece
from retrieval.images.sources.zips import ZipSource
from retrieval.indexing.shards import Shard, ray_engine
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.planning import Failure, Job
from retrieval.indexing.shards.ray_engine import _MOST_ATTEMPTS, _Pool

NOTHING = np.zeros((0, 4), np.float16)
Answer = Callable[[Job | None], Any]


class RayError(Exception):
    """As Ray's: all that it raises."""


@dataclass(eq=False)
class Reference:
    """What an actor was asked for; None is to load."""

    job: Job | None


class Method:
    """A method of an actor."""

    def remote(self, job: Job | None = None) -> Reference:
        return Reference(job)


class Actor:
    """An actor that never runs."""

    load = encode = Method()


class FakeRay:
    """Answers as a function of the job does; counts the actors that were started."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.started = 0
        self.exceptions = type("exceptions", (), {"RayError": RayError})

    def actor(self, _: EncodeOptions) -> Actor:
        self.started += 1
        return Actor()

    def wait(self, references: Sequence[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return list(references[:1]), []

    def get(self, reference: Reference) -> Any:
        return self._answer(reference.job)

    def kill(self, actor: Actor) -> None:
        pass


def jobs(count: int) -> Iterator[Job]:
    return (Job(f"{number:06d}-x", Piece(ZipSource(f"/{number}.zip"))) for number in range(count))


def run(answer: Answer, count: int = 3) -> tuple[FakeRay, list[tuple[Job, Shard | Failure]]]:
    ray = FakeRay(answer)
    pool = _Pool(ray, ray.actor, 2, EncodeOptions())
    return ray, list(pool.run(jobs(count), lambda _: None))


def dies(_: Job | None) -> Any:
    raise RayError("The actor died:\n  out of memory")


def test_workers_that_cannot_start_end_the_run_with_what_to_do() -> None:
    with pytest.raises(ModelError, match="The actor died: out of memory") as failed:
        run(dies)
    assert "--threads" in failed.value.hint


def test_workers_that_die_of_every_shard_end_the_run() -> None:
    with pytest.raises(ModelError, match="one after another"):
        run(lambda job: ("", "") if job is None else dies(job), 1000)


def test_a_shard_that_kills_its_workers_is_named_and_the_rest_goes_on() -> None:
    def answer(job: Job | None) -> Any:
        if job is None:
            return "", ""
        return dies(job) if job.name.startswith("000001") else Shard((), NOTHING, NOTHING)

    ray, found = run(answer)
    ((job, failure),) = [each for each in found if isinstance(each[1], Failure)]
    assert isinstance(failure, Failure)
    assert (job.name, failure.source) == ("000001-x", "/1.zip")
    assert "000001-x" in failure.reason
    assert "out of memory" in failure.reason
    assert len(found) == 3
    assert ray.started == 2 + _MOST_ATTEMPTS


def test_a_cluster_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(FakeRay):
        def cluster_resources(self) -> dict[str, float]:
            return {"CPU": 2}

        def remote(self, _: type) -> Any:
            return type("Made", (), {"options": lambda self, **_: type("Class", (), {
                "remote": lambda *_: Actor()})()})()  # fmt: skip

        def wait(self, references: Sequence[Any], **_: Any) -> tuple[list[Any], list[Any]]:
            raise RayError("the head node is gone")

    monkeypatch.setattr(ray_engine, "_connected", lambda _: Gone(dies))
    engine = ray_engine.RayEngine(FakeEncoder, "fake-1")
    with pytest.raises(SourceError, match="the head node is gone") as failed:
        list(engine.run(jobs(1), EncodeOptions(), lambda _: None))
    assert "same command" in failed.value.hint
