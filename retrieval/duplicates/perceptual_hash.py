"""256-bit perceptual hashes of whole pictures, comparable in all eight orientations.

A discrete cosine transform splits a thumbnail (`retrieval.images.luma_thumbnail`) into waves. The
hash holds the signs of the 16 × 16 lowest ones. Resizing, compression, brightness and contrast
leave nearly all signs as they are. Signs need no threshold (other perceptual hashes use a median),
so mirroring a picture flips exactly the signs of its odd waves, and turning it also transposes
them: one thumbnail gives the hashes of all eight orientations.

Two pictures are similar when, in the best orientation, at most 7 of their 63 lowest signs and 56 of
all 255 differ. By chance half of them do: the smallest distance among 500,000 pairs of different
photographs was 82 (`benchmarks/duplicates.py`). The 63 signs are split into four bands of 16. With
7 differences some band has at most one, so looking up each band as it is and with each bit flipped
finds every pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Bits = NDArray[np.uint64]
Thumbnails = NDArray[np.uint8]

MAX_LOW_DISTANCE = 7
MAX_DISTANCE = 56

_WAVES, _LOW = 16, 8
_MIN_HEIGHT = 2.0
"""Waves that together are no higher than this (of 255) are noise: sky, a blank page."""

_BANDS, _BAND_BITS = 4, 16
_MAX_CANDIDATES = 4_000_000
"""At most this many candidate pairs are held at a time."""

_NO_YES = (False, True)
TURNS = tuple(product(_NO_YES, _NO_YES, _NO_YES))
"""Transposed or not; then flipped vertically or not, horizontally or not."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows, `first` (n,) < `second` (n,), by rising `first`."""

    first: Rows
    second: Rows


class PerceptualHashes:
    """The perceptual hashes of n pictures, by row. Flat pictures are similar to none."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        """Hash (n, side, side) thumbnails of brightness."""
        cosines = _cosines(thumbnails.shape[1])
        count = len(thumbnails)
        self.flat = np.zeros(count, np.bool_)
        self._low = np.empty((len(TURNS), count), np.uint64)
        self._all = np.empty((len(TURNS), count, _WAVES * _WAVES // 64), np.uint64)
        for start in range(0, count, 4096):
            part = slice(start, start + 4096)
            waves = cosines @ thumbnails[part].astype(np.float32) @ cosines.T
            waves[:, 0, 0] = 0.0
            height = np.linalg.norm(waves, axis=(1, 2)) / thumbnails.shape[1]
            self.flat[part] = height < _MIN_HEIGHT
            signs = (waves > 0).astype(np.uint8)
            for number, turn in enumerate(TURNS):
                turned = _turned_signs(signs, turn)
                self._low[number, part] = _packed(_interleaved(turned[:, :_LOW, :_LOW]))[:, 0]
                self._all[number, part] = _packed(turned)
        self._tables = [_Table(band) for band in _bands(self._low[0])]

    def distances(self, first: Rows, second: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the Hamming distance of pairs (n,) in the best orientation, and that orientation.

        The orientation is an index of TURNS and applies to the second of a pair.
        """
        distance = np.bitwise_count(self._all[0, first][None] ^ self._all[:, second]).sum(axis=2)
        best = distance.argmin(axis=0)
        return distance[best, np.arange(len(first))].astype(np.int64), best

    def similar(self, first: Rows, second: Rows) -> NDArray[np.bool_]:
        """Tell for pairs (n,) whether they are similar."""
        found = np.zeros(len(first), np.bool_)
        for turn in range(len(TURNS)):
            low = (
                np.bitwise_count(self._low[0, first] ^ self._low[turn, second]) <= MAX_LOW_DISTANCE
            )
            near = np.flatnonzero(low & ~found)
            whole = self._all[0, first[near]] ^ self._all[turn, second[near]]
            found[near] = np.bitwise_count(whole).sum(axis=1) <= MAX_DISTANCE
        return found & ~self.flat[first] & ~self.flat[second]

    def similar_after(self, rows: Rows) -> Iterator[Pairs]:
        """Yield all similar pairs of some rows (rising) with any row after them.

        Each item has all pairs of the rows that it covers, and fits into memory.
        """
        rows = rows[~self.flat[rows]]
        probes = np.concatenate(
            [_bands(self._low[turn, rows]) for turn in range(len(TURNS))], axis=1
        ).reshape(_BANDS, len(TURNS), len(rows))
        flips = np.append(0, 1 << np.arange(_BAND_BITS))
        wanted = probes[..., None] ^ flips
        counts = np.stack([self._tables[b].counts(wanted[b]) for b in range(_BANDS)])
        ends = np.cumsum(counts.sum(axis=(0, 1, 3)))
        start = 0
        while start < len(rows):
            done = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, done + _MAX_CANDIDATES, "right")), start + 1)
            yield self._verified(rows[start:stop], wanted[:, :, start:stop])
            start = stop

    def _verified(self, rows: Rows, wanted: NDArray[np.int64]) -> Pairs:
        codes = [np.empty(0, np.int64)]
        total = len(self.flat)
        for band, turn in product(range(_BANDS), range(len(TURNS))):
            which, second = self._tables[band].members(wanted[band, turn])
            first = rows[which]
            # Here `turn` applies to the first of a pair; its inverse applies to the second.
            low = (
                np.bitwise_count(self._low[turn, first] ^ self._low[0, second]) <= MAX_LOW_DISTANCE
            )
            near = low & (second > first)
            codes.append(first[near] * total + second[near])
        first, second = np.divmod(np.unique(np.concatenate(codes)), total)
        near = self.similar(first, second)
        return Pairs(first[near], second[near])


def turned(thumbnails: Thumbnails, turns: NDArray[np.int64]) -> Thumbnails:
    """Return (n, side, side) thumbnails, each turned by its own index of TURNS, (n,)."""
    result = thumbnails.copy()
    for number, (transposed, down, across) in enumerate(TURNS):
        chosen = turns == number
        part = thumbnails[chosen]
        part = part.transpose(0, 2, 1) if transposed else part
        part = part[:, ::-1] if down else part
        result[chosen] = part[:, :, ::-1] if across else part
    return result


class _Table:
    """Looks up rows by the 16 bits of one band."""

    def __init__(self, band: NDArray[np.int64]) -> None:
        self._order = np.argsort(band, kind="stable")
        sizes = np.bincount(band, minlength=1 << _BAND_BITS)
        self._starts = np.append(0, np.cumsum(sizes))

    def counts(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many rows have each of the wanted bits."""
        return np.asarray(self._starts[wanted + 1] - self._starts[wanted])

    def members(self, wanted: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """Return the rows that have any of the (n, m) wanted bits, and for which of n each is."""
        counts = self.counts(wanted).ravel()
        which = np.repeat(np.arange(len(wanted)).repeat(wanted.shape[1]), counts)
        places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, self._order[np.repeat(self._starts[wanted].ravel(), counts) + places]


def _turned_signs(signs: NDArray[np.uint8], turn: tuple[bool, bool, bool]) -> NDArray[np.uint8]:
    """Return the signs (n, 16, 16) of the turned pictures."""
    transposed, down, across = turn
    odd = np.arange(_WAVES, dtype=np.uint8) % 2
    flipped = (down * odd)[:, None] ^ (across * odd)[None, :]
    result = (signs.transpose(0, 2, 1) if transposed else signs) ^ flipped
    result[:, 0, 0] = 0
    return result


def _interleaved(low: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Interleave the low signs (n, 8, 8) into bands (n, 4, 16), so that each covers all waves."""
    return low.reshape(len(low), _BAND_BITS, _BANDS).transpose(0, 2, 1)


def _bands(low: Bits) -> NDArray[np.int64]:
    """Return the four bands, (4, n), of packed low signs."""
    shifts = np.arange(_BANDS, dtype=np.uint64)[:, None] * np.uint64(_BAND_BITS)
    return ((low[None] >> shifts) & np.uint64(0xFFFF)).astype(np.int64)


def _packed(signs: NDArray[np.uint8]) -> Bits:
    """Pack signs into (n, words) of 64 signs each."""
    packed = np.packbits(signs.reshape(len(signs), -1), axis=1)
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)


def _cosines(side: int) -> NDArray[np.float32]:
    """Return the orthonormal DCT-II matrix of the lowest waves, (16, side)."""
    waves = np.arange(_WAVES)[:, None] * (2 * np.arange(side) + 1) * np.pi / (2 * side)
    matrix = np.cos(waves) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)
