"""Reads pictures whose vectors are known: their bytes are hashed and decoded, not encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from retrieval.images import Picture
from retrieval.images.sources import Item, Piece
from retrieval.indexing.shards import Shard, ShardRow
from retrieval.indexing.shards.encoding import EncodeOptions, PieceReader, Read
from retrieval.specs import ModelSpec
from retrieval.vectors import STORED, normalise

VectorsOf = Callable[[int], tuple[NDArray[np.float16], NDArray[np.float16]]]
"""Returns the (dim,) vectors of the item with this `at`: of the picture, and of its caption."""

_SAMPLE = 16


@dataclass(frozen=True, slots=True)
class Adopted:
    """A shard, and the model's pixels of some of its pictures with their (dim,) float32 vectors."""

    shard: Shard
    sample: list[tuple[NDArray[np.uint8], NDArray[np.float32]]] = field(default_factory=list)


def adopt_piece(
    piece: Piece, spec: ModelSpec, vectors: VectorsOf, options: EncodeOptions
) -> Adopted:
    """Read a piece whose items have vectors; raises SourceError. A zero vector is a problem."""
    adopter = _Adopter(piece, spec, vectors, options)
    shard = adopter.run(lambda _: None)
    again = partial(_captions, vectors, spec.dim, adopter.described)
    return Adopted(replace(shard, texts_again=again), adopter.sample)


class _Adopter(PieceReader):
    def __init__(
        self, piece: Piece, spec: ModelSpec, vectors: VectorsOf, options: EncodeOptions
    ) -> None:
        super().__init__(piece, spec, options, options.batch_size or 32)
        self._given = vectors
        self._places: dict[bytes, int] = {}
        self.described = np.zeros(0, np.int64)  # for each row the `at` of its caption, or -1
        self.sample: list[tuple[NDArray[np.uint8], NDArray[np.float32]]] = []

    def _take(self, item: Item, read: Read) -> None:
        super()._take(item, read)
        picture = read.result
        if not isinstance(picture, Picture) or picture.sha256 in self._places:
            return
        vector, _ = self._given(item.at)
        self._places[picture.sha256] = item.at
        if vector.any():
            floats = normalise(np.asarray(vector[None], np.float32))[0]
            self._vectors[picture.sha256] = floats
            if len(self.sample) < _SAMPLE and picture.pixels is not None:
                self.sample.append((picture.pixels, floats))

    def _encode(self) -> None:
        self._waiting.clear()

    def _texts(self, rows: list[ShardRow]) -> NDArray[np.float16]:
        """Return the given vectors of those pictures that only their captions describe."""
        self.described = np.full(len(rows), -1, np.int64)
        for number, row in enumerate(rows):
            if row.captions and row.description() == "\n".join(row.captions):
                self.described[number] = self._places[row.sha256]
        return _captions(self._given, self._spec.dim, self.described)


def _captions(vectors: VectorsOf, dim: int, described: NDArray[np.int64]) -> NDArray[np.float16]:
    """Return (n, dim) vectors of captions, zero where there is none (-1)."""
    found = np.zeros((len(described), dim), STORED)
    for number in np.flatnonzero(described >= 0).tolist():
        found[number] = vectors(int(described[number]))[1]
    return found
