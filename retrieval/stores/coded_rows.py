"""Rows in bytes: what a byte stands for, and what rounding takes from a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Vectors
from retrieval.stores.axes import Axes

Rows = NDArray[np.int64]

GREATEST = 127
_PAGE = 8192  # rows at a time

_ROOM = 1.25
"""The bytes reach this much further than the sample. Rows beyond them are always compared."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What a byte stands for: one step of a coordinate, and of the length that is left out."""

    along: float
    missing: float


@dataclass(frozen=True, slots=True)
class CodedRows:
    """All rows in bytes (n, d), as FAISS keeps them: 128 more than the number."""

    codes: NDArray[np.uint8]
    max_rounding: float
    max_length: float
    always: Rows


def coded_rows(vectors: NDArray[np.float16], axes: Axes, steps: Steps) -> CodedRows:
    """Return (n, dim) vectors in bytes."""
    codes = np.empty((len(vectors), bytes_a_row(axes)), np.uint8)
    max_rounding = max_length = 0.0
    always: list[Rows] = []
    for at in range(0, len(vectors), _PAGE):
        page = vectors[at : at + _PAGE].astype(np.float32) - axes.mean
        along, missing = axes.coordinates(page)
        numbers = np.rint(along / np.float32(steps.along))
        lengths = np.ceil(missing / np.float32(steps.missing)) if axes.basis is not None else None
        beyond = np.abs(numbers).max(axis=1) > GREATEST
        if lengths is not None:
            beyond |= lengths > GREATEST
            numbers = np.column_stack([numbers, lengths])
        always.append(at + np.flatnonzero(beyond))
        numbers = numbers.clip(-GREATEST, GREATEST)
        codes[at : at + _PAGE] = (numbers + 128).astype(np.uint8)
        rounded = numbers[:, : axes.kept] * np.float32(steps.along)
        if not beyond.all():
            max_rounding = max(max_rounding, longest((along - rounded)[~beyond]))
            max_length = max(max_length, longest(rounded[~beyond]))
    return CodedRows(codes, max_rounding, max_length, np.concatenate(always))


def bytes_a_row(axes: Axes) -> int:
    """Return how many bytes tell a row."""
    return axes.kept + (axes.basis is not None)


def step_of(lengths: Vectors) -> float:
    """Return the step for lengths like those of a sample."""
    return float(lengths.max()) * _ROOM / GREATEST or 1.0


def longest(rows: Vectors) -> float:
    """Return the length of the longest of (n, dim) rows."""
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64).max()))
