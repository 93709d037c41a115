"""Encodes a picture as sixel, the graphics of DEC terminals (DEC STD 070; xterm, foot, mlterm)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_COLOURS = 255
_BAND = 6  # rows of pixels in one row of characters


def sixel(picture: Image.Image) -> str:
    """Return the escape sequence that draws a picture; fully transparent pixels are left out."""
    transparent = np.asarray(picture.convert("RGBA"))[:, :, 3] == 0
    reduced = picture.convert("RGB").quantize(_COLOURS)
    indexes = np.array(reduced, np.int16)
    indexes[transparent] = -1
    palette = np.array(reduced.getpalette(), np.int64).reshape(-1, 3)
    width, height = picture.size
    used = np.unique(indexes[indexes >= 0])
    registers = "".join(
        f"#{index};2;{';'.join(str(round(part / 2.55)) for part in palette[index])}"
        for index in used.tolist()
    )
    bands = (indexes[top : top + _BAND] for top in range(0, height, _BAND))
    body = "-".join("$".join(_band(band)) for band in bands)
    return f'\x1bP0;1q"1;1;{width};{height}{registers}{body}\x1b\\'


def _band(band: NDArray[np.int16]) -> Iterator[str]:
    """Yield one line of characters for each colour of up to six rows of pixels."""
    weights = 1 << np.arange(len(band))[:, None]
    for index in np.unique(band[band >= 0]).tolist():
        bits = ((band == index) * weights).sum(axis=0)
        yield f"#{index}{''.join(_run_lengths(bits))}"


def _run_lengths(bits: NDArray[np.int64]) -> Iterator[str]:
    """Yield characters, with more than three equal ones as a count (`!12~`)."""
    ends = np.flatnonzero(np.diff(bits)) + 1
    starts = np.concatenate([[0], ends])
    lengths = np.diff(np.concatenate([starts, [len(bits)]]))
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        character = chr(63 + int(bits[start]))
        yield f"!{length}{character}" if length > 3 else character * length
