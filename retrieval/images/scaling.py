"""Decoding no more of a picture than a model will look at.

JPEG can be decoded at a half, a quarter or an eighth, out of fewer coefficients; JPEG 2000
without its finest wavelets. What comes out stays at least twice as large, each way, as what it is
then resampled to; where it is no better than a mean of blocks, four times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageFile, Jpeg2KImagePlugin, JpegImagePlugin

from retrieval.images.metadata import turn_of

Size = tuple[int, int]
Box = tuple[float, float, float, float]
Target = Callable[[Size], Size]
"""From a picture's size, upright, to the size that it is going to be resampled to."""

# How many times larger than its target a JPEG must come out, for each divisor of its sides.
_JPEG_MARGINS = {8: 4, 4: 2, 2: 2}
_WAVELET_MARGIN = 4
_MOST_WAVELETS = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a picture lies in what was decoded of it, and the size that it stands for.

    `size` is its own, in pixels; `box` is left, top, right and bottom in decoded pixels. They
    differ when the picture was scaled: 4,001 pixels become 500 and an eighth of the 501st.
    """

    size: Size
    box: Box

    @classmethod
    def whole(cls, size: Size) -> Frame:
        """Return the frame of a picture that was decoded as it is."""
        return cls(size, (0, 0, *size))

    def turned(self, turn: Image.Transpose, decoded: Size) -> Frame:
        """Return the frame after the decoded picture, of this size, has been turned."""
        (left, top, right, bottom), (width, height) = self.box, decoded
        if turn in _MIRRORS_X:
            left, right = width - right, width - left
        if turn in _MIRRORS_Y:
            top, bottom = height - bottom, height - top
        if turn in _SWAPS_SIDES:
            return Frame((self.size[1], self.size[0]), (top, left, bottom, right))
        return Frame(self.size, (left, top, right, bottom))


# Each turn is a mirroring across, down, or both, and then perhaps an exchange of the axes.
_T = Image.Transpose
_MIRRORS_X = frozenset({_T.FLIP_LEFT_RIGHT, _T.ROTATE_180, _T.ROTATE_90, _T.TRANSVERSE})
_MIRRORS_Y = frozenset({_T.FLIP_TOP_BOTTOM, _T.ROTATE_180, _T.ROTATE_270, _T.TRANSVERSE})
_SWAPS_SIDES = frozenset({_T.TRANSPOSE, _T.ROTATE_90, _T.ROTATE_270, _T.TRANSVERSE})


def scale_down(picture: ImageFile.ImageFile, target: Target, otherwise: int = 1) -> Frame | None:
    """Have an opened picture decoded smaller, if that suffices; None when it will be whole.

    `otherwise` is its orientation when it says none itself.
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
    wavelets = wavelets_to_leave(picture.size, wanted)
    if not wavelets:
        return None
    picture.reduce = wavelets
    divisor = 2**wavelets
    # What is left stands for every second (fourth, …) pixel, not for the middle between them.
    shift = (1 - 1 / divisor) / 2
    across, down = (-(-side // divisor) for side in picture.size)
    return Frame(picture.size, (shift, shift, across, down))


def jpeg_divisor(size: Size, wanted: Size) -> int:
    """Return by how much a JPEG's sides may be divided in decoding: 8, 4, 2 or 1."""
    for divisor, margin in _JPEG_MARGINS.items():
        if _suffices(size, wanted, divisor * margin):
            return divisor
    return 1


def wavelets_to_leave(size: Size, wanted: Size) -> int:
    """Return how many halvings of a JPEG 2000 may be left undone, 0 when none.

    Pillow rounds the halved sides to the nearest and the decoder rounds up: where that differs,
    nothing would be decoded.
    """
    for wavelets in range(_MOST_WAVELETS, 0, -1):
        divisor = 2**wavelets
        alike = all((side + divisor // 2) // divisor == -(-side // divisor) for side in size)
        if alike and _suffices(size, wanted, divisor * _WAVELET_MARGIN):
            return wavelets
    return 0


def _suffices(size: Size, wanted: Size, times: int) -> bool:
    return size[0] >= times * wanted[0] and size[1] >= times * wanted[1]


def _as_stored(target: Target, picture: Image.Image, otherwise: int) -> Size:
    """Ask for the target of a picture that may lie on its side."""
    width, height = picture.size
    if turn_of(picture, otherwise) not in _SWAPS_SIDES:
        return target((width, height))
    across, down = target((height, width))
    return down, across
