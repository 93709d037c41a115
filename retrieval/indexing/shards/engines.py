"""Where pieces are encoded: in this process, or by the actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from retrieval.encoders import Encoder
from retrieval.errors import ModelError, SourceError
from retrieval.indexing.calibration import pictures_wanted
from retrieval.indexing.shards import Shard
from retrieval.indexing.shards.encoding import EncodeOptions, encode_piece
from retrieval.indexing.shards.planning import Failure, Job

MakeEncoder = Callable[[], Encoder]
"""Loads the model; other processes call it, too, so it can be pickled."""

ENGINES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A job that is done."""

    job: Job
    shard: Shard


class Engine(Protocol):
    """Encodes jobs, in any order."""

    def run(
        self, jobs: Iterable[Job], options: EncodeOptions, on_pictures: Callable[[int], None]
    ) -> Iterator[Encoded | Failure]:
        """Yield each job once it is encoded, or the failure of a job whose source is unreadable.

        `jobs` is consumed as the work goes on. `on_pictures` is called with how many more pictures
        were handled; what it raises ends the run.
        """
        ...


class LocalEngine:
    """Encodes one piece after another in this process."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        require_calibrated(encoder)

    def run(
        self, jobs: Iterable[Job], options: EncodeOptions, on_pictures: Callable[[int], None]
    ) -> Iterator[Encoded | Failure]:
        """Yield the jobs in order: see `Engine.run`."""
        for job in jobs:
            try:
                shard = encode_piece(job.piece, self._encoder, options, on_pictures)
            except SourceError as error:
                yield Failure(job.piece.source.name, error.message)
            else:
                yield Encoded(job, shard)


def require_calibrated(encoder: Encoder) -> None:
    """Raise ModelError if an encoder must see pictures first: each node would see others."""
    if pictures_wanted(encoder):
        raise ModelError(
            f"{encoder.spec.name} is not calibrated for this device",
            "use another --device, or first index some pictures with it: pixtrieve index FOLDER",
        )
