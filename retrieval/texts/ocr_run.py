"""Reads the text in pictures that were not read yet, with one transaction per batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue
from retrieval.errors import PictureError
from retrieval.images import ReadLimits
from retrieval.images.isolation.pictures import small_picture

_BATCH = 16

_MIN_SIDE = 64
"""Smaller pictures have no readable text."""


class TextReader(Protocol):
    """An OCR engine: `retrieval.texts.ocr.Reader`."""

    def read(self, picture: NDArray[np.uint8]) -> str:
        """Return the text in an (H, W, 3) uint8 RGB picture, line by line, or ""."""
        ...


@dataclass(frozen=True, slots=True)
class OcrProgress:
    """Pictures done, of `total`; how many have text, and how many could not be opened."""

    done: int
    total: int
    found: int
    unreadable: int


def read_pictures(
    catalogue: Catalogue,
    reader: Callable[[], TextReader],
    side: int,
    stop: threading.Event,
    limits: ReadLimits | None = None,
) -> Generator[OcrProgress, None, None]:
    """Read every picture that was not read yet; yield progress after each batch.

    `reader` is called only if there are any. It gets pictures whose longer side is at most `side`
    pixels. A picture that cannot be opened is left for the next run.
    """
    total, last = catalogue.texts.count_unread(), 0
    state = OcrProgress(0, total, 0, 0)
    if not total:
        yield state
        return
    engine = reader()
    while not stop.is_set():
        batch = catalogue.texts.unread(last, _BATCH)
        if not batch:
            return
        last = batch[-1]
        texts: dict[int, str] = {}
        for image_id in batch:
            if stop.is_set():
                break
            pixels = _pixels(catalogue, image_id, side, limits or ReadLimits())
            if pixels is not None:
                texts[image_id] = engine.read(pixels) if min(pixels.shape[:2]) >= _MIN_SIDE else ""
            state = _advanced(state, None if pixels is None else texts[image_id])
        catalogue.texts.put_read(texts)
        yield state


def _advanced(state: OcrProgress, text: str | None) -> OcrProgress:
    return OcrProgress(
        state.done + 1,
        state.total,
        state.found + bool(text),
        state.unreadable + (text is None),
    )


def _pixels(
    catalogue: Catalogue, image_id: int, side: int, limits: ReadLimits
) -> NDArray[np.uint8] | None:
    image = catalogue.lookup.by_id(image_id)
    for path in image.paths if image else ():
        try:
            return small_picture(path, side, limits)
        except PictureError:
            continue
    return None
