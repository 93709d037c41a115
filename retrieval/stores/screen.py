"""A coarse copy of the vectors, a byte a number, that shows which of them cannot be the answer.

An exact scan has to read every vector, and half floats have to be widened before they are added
up. Whole bytes are half as much to read and are multiplied as they are, so they are compared first.
How far a sum over them can be from the true one is known (the Cauchy-Schwarz inequality over what
rounding took away), so what stays is certain to hold the k best; only that is compared truly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Scores
from retrieval.stores.sharing import SharedScan

Rows = NDArray[np.int64]

_GREATEST = 127
_PAGE = 8192  # rows at a time while a screen is made
_SLACK = 1e-5  # what adding up in float32 may be off by, and more
_KEPT, _KEPT_A_HIT = 1000, 4
"""So many rows, and so many for each of the k, are looked at after the first scan."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A query in bytes: score ≈ `unit` * sum + `offset`, and never further off than `doubt`."""

    code: NDArray[np.float32]  # (1, dim), whole numbers
    unit: float
    offset: float
    doubt: float


@dataclass(frozen=True, slots=True)
class Screen:
    """Rows less their mean, in steps of one size; found under their row numbers."""

    index: Any
    centre: NDArray[np.float32]  # (dim,)
    step: float
    error: float  # the greatest length that rounding took from a row
    reach: float  # the greatest length of a row less the centre

    @classmethod
    def build(cls, vectors: NDArray[np.float16]) -> Screen:
        """Make the screen of (n, dim) vectors, n at least 1; about four seconds for a million."""
        pages = [slice(at, at + _PAGE) for at in range(0, len(vectors), _PAGE)]
        wide = [_summary(vectors[page].astype(np.float32)) for page in pages]
        sums, lows, highs = (np.array(column) for column in zip(*wide, strict=True))
        centre = (sums.sum(axis=0) / len(vectors)).astype(np.float32)
        furthest = np.maximum(highs.max(axis=0) - centre, centre - lows.min(axis=0)).max()
        step = float(furthest) / _GREATEST or 1.0
        index = _empty_index(len(centre))
        error = reach = 0.0
        for page in pages:
            rest = vectors[page].astype(np.float32) - centre
            codes = np.rint(rest / np.float32(step))
            index.add(codes)
            error = max(error, _longest(rest - codes * np.float32(step)))
            reach = max(reach, _longest(rest))
        return cls(index, centre, step, error, reach)

    def holding_the_best(
        self,
        query: NDArray[np.float32],
        k: int,
        score: Callable[[Rows], Scores],
        scan: SharedScan,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Rows:
        """Return rows among which are the k best of a query (dim,), and all that tie with them.

        `score` gives the true scores of rows, `allowed` (n,) marks the rows that may be returned.
        """
        asked = self._ask(query)
        selector = None if allowed is None else bitmap(allowed)
        wanted = min(_KEPT + _KEPT_A_HIT * k, self.index.ntotal)
        sums, rows = scan.best(self.index, asked.code, wanted, int, selector)
        rows = rows[0, rows[0] >= 0]
        rough = sums[0, : len(rows)] * asked.unit + asked.offset
        if len(rows) <= k:
            return np.asarray(rows, np.int64)
        # The k-th best scores at least this; what cannot reach it is out.
        cut = float(score(rows[:k]).min()) - asked.doubt
        if len(rows) < wanted or rough[-1] < cut or wanted == self.index.ntotal:
            return np.asarray(rows[rough >= cut])
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)
        least = (cut - asked.offset) / asked.unit
        within: Rows = self.index.range_search(asked.code, least, params=parameters)[2]
        return within

    def _ask(self, query: NDArray[np.float32]) -> _Question:
        step = float(np.abs(query).max()) / _GREATEST or 1.0
        code = np.rint(query / np.float32(step))
        near = code * np.float32(step)
        doubt = _longest(near[None]) * self.error + _longest((query - near)[None]) * self.reach
        offset = float(query @ self.centre)
        return _Question(code[None], step * self.step, offset, doubt + _SLACK)

    def write(self, file: BinaryIO) -> None:
        """Write the bytes as FAISS does."""
        faiss.write_index(self.index, faiss.PyCallbackIOWriter(file.write))

    def write_numbers(self, file: BinaryIO) -> None:
        """Write everything else as little-endian float64: step, error, reach, centre."""
        numbers = np.concatenate([[self.step, self.error, self.reach], self.centre])
        file.write(numbers.astype("<f8").tobytes())

    @classmethod
    def read(cls, body: NDArray[np.uint8], numbers: NDArray[np.uint8]) -> Screen:
        """Map what `write` and `write_numbers` wrote; RuntimeError when FAISS cannot read it."""
        index = map_index(body)
        read = np.frombuffer(numbers.tobytes(), "<f8")
        step, error, reach = read[:3].tolist()
        return cls(index, read[3:].astype(np.float32), step, error, reach)


def map_index(body: NDArray[np.uint8]) -> Any:
    """Return a FAISS index over mapped bytes, which have to outlive it; RuntimeError for others."""
    return faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(body), body.size))


def bitmap(marked: NDArray[np.bool_]) -> Any:
    """Return a selector of the numbers that are marked: asked in a nanosecond."""
    return faiss.IDSelectorBitmap(np.packbits(marked, bitorder="little"))


def _summary(page: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    return page.sum(axis=0, dtype=np.float64), page.min(axis=0), page.max(axis=0)


def _longest(rows: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64).max()))


def _empty_index(dim: int) -> Any:
    """Bytes from -127 to 127; FAISS adds up their products in whole numbers."""
    return faiss.IndexScalarQuantizer(
        dim, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
