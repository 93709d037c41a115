"""A coarse copy of the vectors, one byte a number, that rules out most of them.

An exact scan reads every vector, and converts each half float to float32. Bytes are half as much to
read and need no conversion, so they are compared first. The Cauchy-Schwarz inequality bounds how
far a score over bytes can be from the true one: what rounding took from both vectors is known. So
the rows that remain are certain to include the k best, and only they are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Scores, Vectors
from retrieval.stores.cache_file import BodyWriter
from retrieval.stores.parallel_scan import ParallelScan

Rows = NDArray[np.int64]

_GREATEST = 127
_PAGE = 8192  # rows at a time while a screen is made
_SLACK = 1e-5  # more than a sum in float32 can be off by
_KEPT, _KEPT_A_HIT = 1000, 4
"""The first scan returns this many rows, and this many more for each of the k."""


@dataclass(frozen=True, slots=True)
class _CodedQuery:
    """A query in bytes: score ≈ `scale` * sum + `offset`, at most `error_bound` off."""

    code: Vectors  # (1, dim), whole numbers
    scale: float
    offset: float
    error_bound: float


@dataclass(frozen=True, slots=True)
class Screen:
    """Rows minus their mean, rounded to multiples of one step; their ids are row numbers."""

    index: Any
    mean: Vectors  # (dim,)
    step: float
    max_rounding: float  # the greatest length of what rounding took from a row
    max_length: float  # the greatest length of a row minus the mean

    @classmethod
    def build(cls, vectors: NDArray[np.float16]) -> Screen:
        """Return the screen of (n, dim) vectors, n at least 1; about 4 s for a million."""
        pages = [slice(at, at + _PAGE) for at in range(0, len(vectors), _PAGE)]
        summaries = [_summary(vectors[page].astype(np.float32)) for page in pages]
        sums, lows, highs = (np.array(column) for column in zip(*summaries, strict=True))
        mean = (sums.sum(axis=0) / len(vectors)).astype(np.float32)
        greatest = np.maximum(highs.max(axis=0) - mean, mean - lows.min(axis=0)).max()
        step = float(greatest) / _GREATEST or 1.0
        index = _empty_index(len(mean))
        max_rounding = max_length = 0.0
        for page in pages:
            rest = vectors[page].astype(np.float32) - mean
            codes = np.rint(rest / np.float32(step))
            index.add(codes)
            max_rounding = max(max_rounding, _longest(rest - codes * np.float32(step)))
            max_length = max(max_length, _longest(rest))
        return cls(index, mean, step, max_rounding, max_length)

    def candidates(
        self,
        query: Vectors,
        k: int,
        score: Callable[[Rows], Scores],
        scan: ParallelScan,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Rows:
        """Return rows that include the k best of a query (dim,), and all that tie with them.

        `score` returns the true scores of rows, `allowed` (n,) marks the rows that may be returned.
        """
        coded = self._encode(query)
        selector = None if allowed is None else bitmap(allowed)
        wanted = min(_KEPT + _KEPT_A_HIT * k, self.index.ntotal)
        sums, rows = scan.best(self.index, coded.code, wanted, int, selector)
        rows = rows[0, rows[0] >= 0]
        rough = sums[0, : len(rows)] * coded.scale + coded.offset
        if len(rows) <= k:
            return np.asarray(rows, np.int64)
        # The k-th best scores at least this: a row that cannot reach it is out.
        cut = float(score(rows[:k]).min()) - coded.error_bound
        if len(rows) < wanted or rough[-1] < cut or wanted == self.index.ntotal:
            return np.asarray(rows[rough >= cut])
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)
        least = (cut - coded.offset) / coded.scale
        within: Rows = self.index.range_search(coded.code, least, params=parameters)[2]
        return within

    def _encode(self, query: Vectors) -> _CodedQuery:
        step = float(np.abs(query).max()) / _GREATEST or 1.0
        code = np.rint(query / np.float32(step))
        rounded = code * np.float32(step)
        bound = _longest(rounded[None]) * self.max_rounding
        bound += _longest((query - rounded)[None]) * self.max_length
        offset = float(query @ self.mean)
        return _CodedQuery(code[None], step * self.step, offset, bound + _SLACK)

    def write(self, file: BodyWriter) -> None:
        """Write the bytes in FAISS's format."""
        faiss.write_index(self.index, faiss.PyCallbackIOWriter(file.write))

    def write_numbers(self, file: BodyWriter) -> None:
        """Write the rest as little-endian float64: step, max_rounding, max_length, mean."""
        numbers = np.concatenate([[self.step, self.max_rounding, self.max_length], self.mean])
        file.write(numbers.astype("<f8").tobytes())

    @classmethod
    def read(cls, body: NDArray[np.uint8], numbers: NDArray[np.uint8]) -> Screen:
        """Map what `write` and `write_numbers` wrote; RuntimeError when FAISS can't read it."""
        index = map_index(body)
        read = np.frombuffer(numbers.tobytes(), "<f8")
        step, max_rounding, max_length = read[:3].tolist()
        return cls(index, read[3:].astype(np.float32), step, max_rounding, max_length)


def map_index(body: NDArray[np.uint8]) -> Any:
    """Return a FAISS index over mapped bytes, which must outlive it.

    Raises RuntimeError when they are no such index.
    """
    return faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(body), body.size))


def bitmap(marked: NDArray[np.bool_]) -> Any:
    """Return a selector of the marked numbers; a look-up in it takes a nanosecond."""
    return faiss.IDSelectorBitmap(np.packbits(marked, bitorder="little"))


def _summary(page: Vectors) -> tuple[NDArray[np.float64], ...]:
    return page.sum(axis=0, dtype=np.float64), page.min(axis=0), page.max(axis=0)


def _longest(rows: Vectors) -> float:
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64).max()))


def _empty_index(dim: int) -> Any:
    """Return an index of bytes from -127 to 127; FAISS adds up their products as integers."""
    return faiss.IndexScalarQuantizer(
        dim, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
