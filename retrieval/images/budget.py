"""What pictures may cost: too large ones are refused, and all that are decoded at once share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image

from retrieval.images import ReadLimits
from retrieval.images.reasons import TooManyPixelsError

_PIXELS_IN_FLIGHT = 64_000_000


def admit(pixels: int, size: tuple[int, int], limits: ReadLimits, held: ExitStack) -> None:
    """Refuse what takes more pixels than the limit; make the rest wait for its share of memory.

    `pixels` is what will be allocated, `size` that of the picture itself, which Pillow judges by.
    """
    if pixels > limits.max_megapixels * 1e6:
        raise TooManyPixelsError(pixels, limits.max_megapixels)
    held.enter_context(_in_flight.hold(pixels))
    whole = size[0] * size[1]
    if Image.MAX_IMAGE_PIXELS is not None and whole > Image.MAX_IMAGE_PIXELS:
        held.enter_context(_pillow_limit_lifted(whole))


class PixelBudget:
    """Bounds how many pixels are decoded at once, in all threads; a larger picture goes alone.

    Peak memory then depends on the largest picture, not on how many threads meet large ones.
    Whoever waits keeps later comers waiting behind it, so a large picture gets its turn.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._used = 0
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Take a share for as long as the block runs."""
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


# The module's only mutable state: the budget that all threads share, and the lock under which
# Pillow's own limit is moved.
_in_flight = PixelBudget(_PIXELS_IN_FLIGHT)
_moving_limit = threading.Lock()


@contextmanager
def _pillow_limit_lifted(pixels: int) -> Iterator[None]:
    """Raise Pillow's process-wide limit while one large picture, already checked, is decoded.

    Parts of Pillow (WebP, TIFF, MPO) refuse above twice that limit on their own. It is the user's
    limit that decides here, so Pillow's is set to just this picture's size and put back.
    """
    with _moving_limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
