"""Plans the shards of a data set: the same names for the same pictures, model and limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from retrieval.errors import SourceError
from retrieval.images.sources import Piece, Source
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.files import FORMAT


@dataclass(frozen=True, slots=True)
class Job:
    """A piece to encode, and the name of its shard."""

    name: str
    piece: Piece


@dataclass(frozen=True, slots=True)
class Failure:
    """A source, or a piece of one, that could not be read at all, and why."""

    source: str
    reason: str


def plan(
    sources: Sequence[Source], fingerprint: str, options: EncodeOptions
) -> Iterator[Job | Failure]:
    """Yield the jobs of all sources, in order; sources are listed as the iterator is consumed.

    A name is the number of the shard and a digest of what it is made of: a source that changed
    gets new shards, a folder, bucket or list only where it changed. The digest tells whether a
    shard is there: the numbers of the others shift when a source before them grows.
    """
    limits = options.limits
    rules = (FORMAT, fingerprint, limits.max_megapixels, limits.exact, options.columns)
    number = 0
    for source in sources:
        try:
            identity = source.identity()
            for piece in source.pieces(options.shard_size):
                made_of = repr((rules, options.thumbnails, identity, _lasting(piece)))
                digest = hashlib.blake2b(
                    made_of.encode("utf-8", "surrogatepass"), digest_size=10
                ).hexdigest()
                yield Job(f"{number:06d}-{digest}", piece)
                number += 1
        except SourceError as error:
            yield Failure(source.name, error.message)


def _lasting(piece: Piece) -> Piece:
    """Return a piece without times that say nothing about its pictures: those of a list."""
    items = (replace(item, mtime_ns=0) if item.size < 0 else item for item in piece.items)
    return replace(piece, items=tuple(items), flaws=())
