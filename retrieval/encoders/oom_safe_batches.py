"""As many rows at a time as a graphics card has memory for, found out where it runs out."""

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
    """Encodes rows in portions, halved for good when one does not fit."""

    def __init__(self, most: int, device: str) -> None:
        """Begin with portions of at most so many; `device` is what messages call it."""
        self._most = most
        self._device = device

    @property
    def most(self) -> int:
        """How many rows a portion may have now."""
        return self._most

    def encode(
        self, rows: Rows, encode: Callable[[Rows], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Return `encode(rows)`, (n, dim), put together from portions; n is at least 1.

        Raises ModelError when not even one row fits. Other errors pass through.
        """
        parts: list[NDArray[np.float32]] = []
        done = 0
        while done < len(rows):
            some: Any = rows[done : done + self._most]
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
        """Return None when it does not fit; what it had taken is free again by then."""
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
                "close what else uses it, choose a smaller model, or use --device cpu",
            )
        self._most = tried // 2
        _log.warning(
            "the memory of the device %s does not hold %d at a time: going on with %d",
            self._device, tried, self._most,
        )  # fmt: skip
        _release()


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Tell it from other errors: on a Mac it has no class of its own."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


def _release() -> None:
    """Give back what torch keeps for next time, in pieces of the size that was too large."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
