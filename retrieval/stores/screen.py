"""A coarse copy of the vectors, a byte for each of some coordinates, that rules out most of them.

A row is told by its coordinates along a few axes (`axes`), rounded to bytes, and by one more byte:
the length of what the axes leave out, rounded up. A question is told in the same way, so one sum
over bytes is a number that no score exceeds, once what rounding took is added (the Cauchy-Schwarz
inequality, all of its terms known). Rows that cannot reach the k-th best are out; only those that
remain are compared exactly. The answer is that of a full scan.

The rows are kept in lists: ranges of rows, or clusters of near ones. A few lists are searched
first. The k-th best score there is the bar for all the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Scores, Vectors
from retrieval.stores.axes import Axes, fitted, sampled
from retrieval.stores.body import Body, StoredRows
from retrieval.stores.cache_file import ID_BYTES
from retrieval.stores.coded_rows import (
    GREATEST,
    Limits,
    Steps,
    bytes_a_row,
    longest,
    step_of,
    write_codes,
)
from retrieval.stores.list_file import ListFile, ListNumbers
from retrieval.stores.parallel_scan import ParallelScan

Rows = NDArray[np.int64]
Clusters = Callable[[StoredRows, Axes], tuple[Vectors, ListNumbers]]

_A_LIST = 16_384  # rows

_SLACK = 1e-5  # more than sums in float32 can be off by

ROUNDING = 1e-5
"""More than two sums of one product in float32 can differ by."""

_CHOICES = (47, 63, 79, 95, 111, 127, 159, 191, 255)
"""Numbers of axes; with the byte for the rest, multiples of 16, which FAISS adds up fast."""

_FIRST_SHARE = 16
"""One row in this many is searched first."""

_WORTH_THREADS = 200_000
"""From this many rows in the nearest lists on, all processors share their scan."""

_TOP, _TOP_A_HIT = 64, 4
"""This many rows, and this many for each of the k, are compared first to raise the bar."""


@dataclass(frozen=True, slots=True)
class CodedQuery:
    """A query in bytes: score ≤ `scale` * sum + `offset` + `error_bound`.

    `along` are the coordinates in floats. The last byte of `code` is for what rows leave out.
    """

    code: Vectors  # (1, d), whole numbers
    along: Vectors  # (kept,)
    scale: float
    offset: float
    error_bound: float


@dataclass(frozen=True, slots=True)
class Screen:
    """Rows in bytes, in the lists of an `IndexIVFScalarQuantizer`; their ids are row numbers."""

    index: Any
    axes: Axes
    steps: Steps
    max_rounding: float  # the greatest length of what rounding took from a row's coordinates
    max_length: float  # the greatest length of a row's rounded coordinates
    always: Rows  # rows that bytes cannot tell, rising
    centres: Vectors  # (lists, d), of the lists that are clusters, otherwise 0
    sizes: Rows  # (lists,)
    mapped: tuple[NDArray[np.uint8], NDArray[np.uint8]]  # the index points into these

    @classmethod
    def build(cls, rows: StoredRows, body: Body, clusters: Clusters | None = None) -> Screen:
        """Write the screen of rows, at least one, into two parts of a body; return it, mapped.

        `clusters` returns centres (lists, kept), and the list of each row (n,); without it, lists
        are ranges of rows. Raises OSError.
        """
        sample = sampled(rows)
        axes = fitted(sample, _CHOICES)
        along, missing = axes.coordinates(sample - axes.mean)
        steps = Steps(step_of(np.abs(along)), step_of(missing))
        centres, of_row = (clusters or _ranges)(rows, axes)
        part = body.part()
        lists = ListFile(part, _empty_index(bytes_a_row(axes), centres), of_row)
        limits = write_codes(rows, axes, steps, lists.put)
        numbers = body.part()
        numbers.append(_numbers(axes, steps, limits))
        return cls.read(part.mapped(), numbers.mapped())

    def candidates(
        self,
        query: Vectors,
        k: int,
        score: Callable[[Rows], Scores],
        scan: ParallelScan,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Rows:
        """Return rows that include the k best of a query (dim,), and all that tie with them.

        `score` returns the scores of rows, off by no more than `ROUNDING`. `allowed` (n,) marks the
        rows that may be returned.
        """
        coded = self.encode(query)
        selector = None if allowed is None else bitmap(allowed)
        always = self.always if allowed is None else self.always[allowed[self.always]]
        top = _TOP + _TOP_A_HIT * k
        lists = self.nearest_lists(coded, self.index.ntotal // _FIRST_SHARE + top)
        rows = np.union1d(scan.best(self.index, coded.code, top, lists, selector)[1], always)
        if len(rows) < k:  # few rows are allowed
            lists = np.arange(self.index.nlist)
            rows = np.union1d(scan.best(self.index, coded.code, top, lists, selector)[1], always)
        if len(rows) < k:
            return rows  # all that are allowed
        scores = score(rows)
        bar = _kth_best(scores, k) - ROUNDING
        sums, found = scan.reaching(self.index, coded.code, self._least(coded, bar), selector)
        head = found if len(found) <= top else found[np.argpartition(-sums, top)[:top]]
        head = np.setdiff1d(head, rows)
        rows, scores = np.concatenate([rows, head]), np.concatenate([scores, score(head)])
        bar = _kth_best(scores, k) - ROUNDING
        rest = np.setdiff1d(found[sums >= self._least(coded, bar)], rows)
        rows, scores = np.concatenate([rows, rest]), np.concatenate([scores, score(rest)])
        near: Rows = rows[scores >= _kth_best(scores, k) - 2 * ROUNDING]
        return near

    def near(
        self,
        query: Vectors,
        lists: int,
        count: int,
        scan: ParallelScan,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Rows:
        """Return about the `count` best rows for a query (dim,) in the nearest `lists`."""
        coded = self.encode(query)
        if self.axes.basis is not None:
            coded.code[0, -1] = 0  # an estimate of the score, not an upper bound
        selector = None if allowed is None else bitmap(allowed)
        chosen = self._by_nearness(coded)[:lists]
        few = int(self.sizes[chosen].sum()) < _WORTH_THREADS
        rows: Rows = scan.best(self.index, coded.code, count, chosen, selector, alone=few)[1]
        return rows

    def nearest_lists(self, coded: CodedQuery, rows: int) -> Rows:
        """Return lists, nearest first, that have `rows` rows or more together, if there are."""
        order = self._by_nearness(coded)
        enough = int(np.searchsorted(np.cumsum(self.sizes[order]), rows)) + 1
        return order[:enough]

    def _by_nearness(self, coded: CodedQuery) -> Rows:
        # Not by BLAS: its threads would go on spinning when the scan begins.
        nearness = np.einsum("lk,k->l", self.centres[:, : self.axes.kept], coded.along)
        return np.argsort(-nearness, kind="stable")

    def _least(self, coded: CodedQuery, bar: float) -> float:
        """Return the sum below which no row reaches a score."""
        return (bar - coded.error_bound - coded.offset) / coded.scale

    def encode(self, query: Vectors) -> CodedQuery:
        """Return a query (dim,) in bytes."""
        (along,), (missing,) = self.axes.coordinates(query[None])
        step = float(np.abs(along).max()) / GREATEST or 1.0
        code = np.rint(along / np.float32(step))
        rounded = code * np.float32(step)
        scale = step * self.steps.along
        bound = longest(along[None]) * self.max_rounding
        bound += longest((along - rounded)[None]) * self.max_length
        if self.axes.basis is not None:
            wanted = float(missing) * self.steps.missing / scale
            last = min(np.ceil(wanted), GREATEST)
            bound += max(wanted - last, 0) * scale * GREATEST
            code = np.append(code, np.float32(last))
        offset = float(np.einsum("d,d->", query, self.axes.mean))
        return CodedQuery(code[None].astype(np.float32), along, scale, offset, bound + _SLACK)

    @classmethod
    def read(cls, body: NDArray[np.uint8], numbers: NDArray[np.uint8]) -> Screen:
        """Map the two parts that `build` wrote.

        RuntimeError or ValueError when they are not that.
        """
        line, _, rest = numbers.tobytes().partition(b"\n")
        facts = json.loads(line)
        dim, kept = facts["shape"]
        floats = np.frombuffer(rest, "<f4", dim * (1 + kept)).astype(np.float32)
        always = np.frombuffer(rest, "<i8", offset=floats.nbytes).astype(np.int64)
        basis = floats[dim:].reshape(dim, kept) if kept else None
        max_rounding, max_length = facts["limits"]
        index, axes, steps = map_index(body), Axes(floats[:dim], basis), Steps(*facts["steps"])
        centres, sizes = _centres_and_sizes(index)
        limits = max_rounding, max_length
        return cls(index, axes, steps, *limits, always, centres, sizes, (body, numbers))

    def heads(self) -> list[int]:
        """Return how much of the two parts that `build` wrote precedes the rows."""
        rows = int(self.index.ntotal) * (int(self.index.code_size) + ID_BYTES)
        return [len(self.mapped[0]) - rows, len(self.mapped[1])]


def _numbers(axes: Axes, steps: Steps, limits: Limits) -> bytes:
    """Return a line of JSON, then mean, basis and rows as little-endian numbers."""
    basis = np.empty((len(axes.mean), 0)) if axes.basis is None else axes.basis
    facts = {
        "steps": [steps.along, steps.missing],
        "limits": [limits.max_rounding, limits.max_length],
        "shape": basis.shape,
    }
    floats = np.concatenate([axes.mean, basis.ravel()]).astype("<f4")
    line = json.dumps(facts).encode() + b"\n"
    return line + floats.tobytes() + limits.always.astype("<i8").tobytes()


def _ranges(rows: StoredRows, axes: Axes) -> tuple[Vectors, ListNumbers]:
    """Return centres of nothing, and the list of each row: rows that follow each other."""
    begins = np.linspace(0, len(rows), -(-len(rows) // _A_LIST) + 1).astype(np.int64)
    count = len(begins) - 1
    of_row = np.repeat(np.arange(count, dtype=np.int32), np.diff(begins))
    return np.zeros((count, axes.kept), np.float32), of_row


def map_index(body: NDArray[np.uint8]) -> Any:
    """Return a FAISS index over mapped bytes, which must outlive it.

    Raises RuntimeError when they are no such index.
    """
    return faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(body), body.size))


def bitmap(marked: NDArray[np.bool_]) -> Any:
    """Return a selector of the marked numbers; a look-up in it takes a nanosecond."""
    return faiss.IDSelectorBitmap(np.packbits(marked, bitorder="little"))


def _centres_and_sizes(index: Any) -> tuple[Vectors, Rows]:
    """Return the centres (lists, d) and sizes (lists,) of an IVF index."""
    quantizer = faiss.downcast_index(index.quantizer)
    centres = faiss.rev_swig_ptr(quantizer.get_xb(), index.nlist * index.d).copy()
    sizes = [index.invlists.list_size(number) for number in range(index.nlist)]
    return centres.reshape(index.nlist, index.d), np.array(sizes, np.int64)


def _kth_best(scores: Scores, k: int) -> float:
    return float(np.partition(scores, len(scores) - k)[len(scores) - k])


def _empty_index(width: int, centres: Vectors) -> Any:
    """Return an index of bytes from -127 to 127; FAISS adds up their products as integers."""
    quantizer = faiss.IndexFlatIP(width)
    padded = np.zeros((len(centres), width), np.float32)
    padded[:, : centres.shape[1]] = centres
    quantizer.add(padded)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer,
        width,
        len(centres),
        faiss.ScalarQuantizer.QT_8bit_direct_signed,
        faiss.METRIC_INNER_PRODUCT,
        False,
    )
    index.is_trained = True
    return index
