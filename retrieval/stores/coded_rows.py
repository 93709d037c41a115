"""Rows in bytes: what a byte stands for, and what rounding takes from a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Vectors
from retrieval.stores.axes import Axes
from retrieval.stores.body import StoredRows

Rows = NDArray[np.int64]

GREATEST = 127
_PAGE = 8192  # rows at a time
_PAGES = 32  # so many are passed on at once

_ROOM = 1.25
"""The bytes reach this much further than the sample. Rows beyond them are always compared."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What a byte stands for: one step of a coordinate, and of the length that is left out."""

    along: float
    missing: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for all rows in bytes."""

    max_rounding: float  # the greatest length of what rounding took from a row's coordinates
    max_length: float  # the greatest length of a row's rounded coordinates
    always: Rows  # rows that bytes cannot tell, rising


def write_codes(
    rows: StoredRows, axes: Axes, steps: Steps, put: Callable[[int, NDArray[np.uint8]], None]
) -> Limits:
    """Pass all rows in bytes to `put`: the first row, and (m, d) bytes as FAISS keeps them.

    They are 128 more than the numbers.
    """
    max_rounding = max_length = 0.0
    always: list[Rows] = []
    for begin in range(0, len(rows), _PAGE * _PAGES):
        codes = np.empty((min(_PAGE * _PAGES, len(rows) - begin), bytes_a_row(axes)), np.uint8)
        for at in range(begin, begin + len(codes), _PAGE):
            page = rows.read(at, at + _PAGE).astype(np.float32) - axes.mean
            along, missing = axes.coordinates(page)
            numbers = np.rint(along / np.float32(steps.along))
            lengths = np.ceil(missing / np.float32(steps.missing))
            beyond = np.abs(numbers).max(axis=1) > GREATEST
            if axes.basis is not None:
                beyond |= lengths > GREATEST
                numbers = np.column_stack([numbers, lengths])
            always.append(at + np.flatnonzero(beyond))
            numbers = numbers.clip(-GREATEST, GREATEST)
            codes[at - begin : at - begin + _PAGE] = (numbers + 128).astype(np.uint8)
            rounded = numbers[:, : axes.kept] * np.float32(steps.along)
            if not beyond.all():
                max_rounding = max(max_rounding, longest((along - rounded)[~beyond]))
                max_length = max(max_length, longest(rounded[~beyond]))
        put(begin, codes)
    return Limits(max_rounding, max_length, np.concatenate(always))


def bytes_a_row(axes: Axes) -> int:
    """Return how many bytes tell a row."""
    return axes.kept + (axes.basis is not None)


def step_of(lengths: Vectors) -> float:
    """Return the step for lengths like those of a sample."""
    return float(lengths.max()) * _ROOM / GREATEST or 1.0


def longest(rows: Vectors) -> float:
    """Return the length of the longest of (n, dim) rows."""
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64).max()))
