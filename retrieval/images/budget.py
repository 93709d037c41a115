"""Memory limits of decoding: one for each picture, and one for all threads together.

Worker processes share the budget of their parent (`images.isolation`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from PIL import Image

from retrieval.errors import PictureError
from retrieval.images import ReadLimits
from retrieval.images.reasons import NO_MEMORY, TooManyPixelsError, TransientError

_PIXELS_IN_FLIGHT = 64_000_000


def admit(pixels: int, size: tuple[int, int], limits: ReadLimits, held: ExitStack) -> None:
    """Refuse a picture above the limit; let any other wait for its share of the budget.

    `pixels` is the number of pixels that decoding allocates. `size` is the picture's own (width,
    height), which Pillow compares with its limit. `held` releases the share when it closes.
    Raises TooManyPixelsError.
    """
    if pixels > limits.max_megapixels * 1e6:
        raise TooManyPixelsError(pixels, limits.max_megapixels)
    held.enter_context(hold(pixels))
    whole = size[0] * size[1]
    if Image.MAX_IMAGE_PIXELS is not None and whole > Image.MAX_IMAGE_PIXELS:
        held.enter_context(_pillow_limit_lifted(whole))


class Budget(Protocol):
    """What limits how much is decoded at once."""

    def hold(self, pixels: int) -> AbstractContextManager[None]:
        """Wait for a share of the budget; hold it while the block runs."""
        ...

    def out_of_memory(self) -> PictureError:
        """Return the error for a picture that ran out of memory."""
        ...


def hold(pixels: int) -> AbstractContextManager[None]:
    """Wait for a share of the budget of this process; hold it while the block runs."""
    return _shared[-1].hold(pixels)


def out_of_memory() -> PictureError:
    """Return the error for a picture that ran out of memory."""
    return _shared[-1].out_of_memory()


def share(budget: Budget) -> None:
    """Use another budget from now on, in a process that decodes for another one."""
    _shared.append(budget)


class PixelBudget:
    """Limits how many pixels all threads decode at once; a picture above it is decoded alone.

    Peak memory then depends on the largest picture, not on the number of threads. Requests are
    served in order, so small pictures cannot delay a large one forever.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._used = 0
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Hold a share of the budget while the block runs."""
        share = min(pixels, self._total)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._used + share <= self._total)
            self._used += share
        try:
            yield
        finally:
            with self._changed:
                self._used -= share
                self._changed.notify_all()

    def out_of_memory(self) -> PictureError:
        """Return the error for a picture that ran out of memory."""
        return TransientError(NO_MEMORY)


# The module's only mutable state: the budget that all threads share (the last one), and the lock
# that guards changes of Pillow's own limit.
_shared: list[Budget] = [PixelBudget(_PIXELS_IN_FLIGHT)]
_moving_limit = threading.Lock()


@contextmanager
def _pillow_limit_lifted(pixels: int) -> Iterator[None]:
    """Raise Pillow's process-wide limit while one large, already admitted picture is decoded.

    Some of Pillow's plugins (WebP, TIFF, MPO) refuse a picture above twice that limit. Here the
    user's limit decides, so Pillow's is set to exactly this picture's size and then restored.
    """
    with _moving_limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
