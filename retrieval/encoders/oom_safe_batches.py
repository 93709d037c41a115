"""Batches that fit into a graphics card's memory: halve the size when the memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelError

_log = logging.getLogger(__name__)

Rows = TypeVar("Rows", bound="Sequence[object] | NDArray[np.uint8]")


class OomSafeBatches:
    """Encodes rows in batches; halves the size permanently when a batch does not fit."""

    def __init__(self, max_rows: int, device: str) -> None:
        """Start with batches of at most `max_rows`; messages name the `device`."""
        self._max_rows = max_rows
        self._device = device

    @property
    def max_rows(self) -> int:
        """The current maximum number of rows in a batch."""
        return self._max_rows

    def encode(
        self, rows: Rows, encode: Callable[[Rows], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Return `encode(rows)`, (n, dim), computed in batches; n is at least 1.

        Raises ModelError when not even one row fits into memory. Other errors pass through.
        """
        parts: list[NDArray[np.float32]] = []
        done = 0
        while done < len(rows):
            some: Any = rows[done : done + self._max_rows]
            found = self._encoded(some, encode)
            if found is None:
                self._halve(len(some))
                continue
            parts.append(found)
            done += len(some)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _encoded(
        self, some: Rows, encode: Callable[[Rows], NDArray[np.float32]]
    ) -> NDArray[np.float32] | None:
        """Return the rows' vectors; None if they do not fit, after their memory is free again."""
        try:
            return encode(some)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            return None

    def _halve(self, tried: int) -> None:
        if tried == 1:
            raise ModelError(
                f"the model does not fit into the memory of the device {self._device}",
                "close other programs that use the device, choose a smaller model, "
                "or use --device cpu",
            )
        self._max_rows = tried // 2
        _log.warning(
            "The memory of the device %s does not hold a batch of %d; continuing with %d.",
            self._device, tried, self._max_rows,
        )  # fmt: skip
        _release()


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether memory ran out; on a Mac only the error's text says so."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


def _release() -> None:
    """Free torch's cached memory, which is divided into blocks for the larger batch."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
