"""The lists of an IVF index, written as FAISS's files have them, in whatever order rows come."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids
from retrieval.stores.body import Part
from retrieval.stores.cache_file import ID_BYTES

ListNumbers = NDArray[np.int32]

_NO_LISTS = 32
"""The bytes with which FAISS ends an index whose lists are empty: what `_head` writes instead."""


class ListFile:
    """Puts the code of each row into its list: all codes of a list, then the numbers of its rows.

    Each list is in one piece, so rows of a page that are in one list are written together.
    """

    def __init__(self, part: Part, index: Any, of_row: ListNumbers) -> None:
        """Begin a part. `index` has the centres and no rows; `of_row` (n,) has each row's list."""
        self._part = part
        self._of_row = of_row
        self._width = int(index.code_size)
        self._sizes = np.bincount(of_row, minlength=index.nlist)
        index.ntotal = len(of_row)
        head = _head(index, self._sizes)
        lengths = self._sizes * (self._width + ID_BYTES)
        self._begins = len(head) + np.cumsum(lengths) - lengths
        self._filled = np.zeros(index.nlist, np.int64)
        part.append(head)

    def put(self, begin: int, codes: NDArray[np.uint8]) -> None:
        """Write the codes (m, width) of the rows from `begin` on. Raises OSError."""
        lists = self._of_row[begin : begin + len(codes)]
        order = np.argsort(lists, kind="stable")
        codes, rows = codes[order], (begin + order).astype("<i8")
        numbers, firsts = np.unique(lists[order], return_index=True)
        for number, first, end in zip(numbers, firsts, [*firsts[1:], len(order)], strict=True):
            at, filled = self._begins[number], self._filled[number]
            ids_at = at + self._sizes[number] * self._width
            self._part.put(int(at + filled * self._width), codes[first:end])
            self._part.put(int(ids_at + filled * ID_BYTES), rows[first:end])
            self._filled[number] += end - first


def _head(index: Any, sizes: Ids) -> bytes:
    """Return what precedes the lists: the index, then how long each list is."""
    before: bytes = faiss.serialize_index(index).tobytes()[:-_NO_LISTS]
    facts = np.array([index.nlist, index.code_size], "<i8").tobytes()
    lengths = np.array([len(sizes), *sizes], "<i8").tobytes()
    return before + b"ilar" + facts + b"full" + lengths
