"""Decoding at a reduced size, when the model's input is much smaller than the picture.

A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size from fewer coefficients, a JPEG 2000 without
its finest resolutions. The result keeps at least twice the width and height of the target; four
times at 1/8 and for JPEG 2000, where it is no better than a mean of blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageFile, Jpeg2KImagePlugin, JpegImagePlugin

from retrieval.images.metadata import turn_of

Size = tuple[int, int]
Box = tuple[float, float, float, float]
Target = Callable[[Size], Size]
"""Maps an upright picture's size to the size that it will be resampled to."""

# For each divisor of a JPEG's sides: how many times the target the result must be at least.
_JPEG_MARGINS = {8: 4, 4: 2, 2: 2}
_JPEG2000_MARGIN = 4
_MAX_HALVINGS = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """The area that a picture occupies in its decoded pixels, and its full size.

    `size` is the full (width, height) in pixels; `box` is (left, top, right, bottom) in decoded
    pixels. They differ for a reduced picture: 4,001 pixels become 500 and 1/8 of another one.
    """

    size: Size
    box: Box

    @classmethod
    def whole(cls, size: Size) -> Frame:
        """Return the frame of a picture that was decoded at its full size."""
        return cls(size, (0, 0, *size))

    def turned(self, turn: Image.Transpose, decoded: Size) -> Frame:
        """Return the frame after a transposition; `decoded` is the decoded picture's size."""
        (left, top, right, bottom), (width, height) = self.box, decoded
        if turn in _MIRRORS_X:
            left, right = width - right, width - left
        if turn in _MIRRORS_Y:
            top, bottom = height - bottom, height - top
        if turn in _SWAPS_SIDES:
            return Frame((self.size[1], self.size[0]), (top, left, bottom, right))
        return Frame(self.size, (left, top, right, bottom))


# Each transposition mirrors horizontally, vertically or both, and may then swap the axes.
_T = Image.Transpose
_MIRRORS_X = frozenset({_T.FLIP_LEFT_RIGHT, _T.ROTATE_180, _T.ROTATE_90, _T.TRANSVERSE})
_MIRRORS_Y = frozenset({_T.FLIP_TOP_BOTTOM, _T.ROTATE_180, _T.ROTATE_270, _T.TRANSVERSE})
_SWAPS_SIDES = frozenset({_T.TRANSPOSE, _T.ROTATE_90, _T.ROTATE_270, _T.TRANSVERSE})


def scale_down(picture: ImageFile.ImageFile, target: Target, otherwise: int = 1) -> Frame | None:
    """Make an opened picture decode at a reduced size; None if it needs its full size.

    `otherwise` is the EXIF orientation to use when the picture has none.
    """
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        return _scale_jpeg(picture, _as_stored(target, picture, otherwise))
    if isinstance(picture, Jpeg2KImagePlugin.Jpeg2KImageFile):
        return _scale_jpeg2000(picture, _as_stored(target, picture, otherwise))
    return None


def _scale_jpeg(picture: JpegImagePlugin.JpegImageFile, wanted: Size) -> Frame | None:
    size = picture.size
    divisor = jpeg_divisor(size, wanted)
    drafted = picture.draft(None, (size[0] // divisor, size[1] // divisor))
    return None if drafted is None or divisor == 1 else Frame(size, drafted[1])


def _scale_jpeg2000(picture: Jpeg2KImagePlugin.Jpeg2KImageFile, wanted: Size) -> Frame | None:
    halvings = jpeg2000_halvings(picture.size, wanted)
    if not halvings:
        return None
    picture.reduce = halvings
    divisor = 2**halvings
    # A reduced pixel lies at every second (fourth, …) full pixel, not in the middle between them.
    shift = (1 - 1 / divisor) / 2
    across, down = (-(-side // divisor) for side in picture.size)
    return Frame(picture.size, (shift, shift, across, down))


def jpeg_divisor(size: Size, wanted: Size) -> int:
    """Return the largest divisor of a JPEG's sides that suffices: 8, 4, 2 or 1."""
    for divisor, margin in _JPEG_MARGINS.items():
        if _suffices(size, wanted, divisor * margin):
            return divisor
    return 1


def jpeg2000_halvings(size: Size, wanted: Size) -> int:
    """Return how many times a JPEG 2000's sides may be halved in decoding: 0 to 5.

    Pillow rounds the halved sides to the nearest integer, the decoder rounds up. Where the results
    differ, decoding fails, so fewer halvings are chosen.
    """
    for halvings in range(_MAX_HALVINGS, 0, -1):
        divisor = 2**halvings
        alike = all((side + divisor // 2) // divisor == -(-side // divisor) for side in size)
        if alike and _suffices(size, wanted, divisor * _JPEG2000_MARGIN):
            return halvings
    return 0


def _suffices(size: Size, wanted: Size, times: int) -> bool:
    return size[0] >= times * wanted[0] and size[1] >= times * wanted[1]


def _as_stored(target: Target, picture: Image.Image, otherwise: int) -> Size:
    """Return the target size of a picture in its stored orientation."""
    width, height = picture.size
    if turn_of(picture, otherwise) not in _SWAPS_SIDES:
        return target((width, height))
    across, down = target((height, width))
    return down, across
