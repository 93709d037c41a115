"""EXIF of an opened picture: its orientation, date, position, camera and exposure.

EXIF is often damaged. Values that cannot be read count as absent and never make a picture fail.
"""

from __future__ import annotations

from PIL import Image

from retrieval.images.exif import facts_of
from retrieval.images.exif_values import number
from retrieval.query.fields import Facts

_ORIENTATION = 0x0112
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turn_of(picture: Image.Image, otherwise: int = 1) -> Image.Transpose | None:
    """Return the transposition that makes a picture upright; None if it already is.

    `otherwise` is the EXIF orientation to use when the picture has none. The HEIF and TIFF readers
    rotate the picture on loading and report an orientation of 1. The AVIF reader reports the
    container's rotation as EXIF orientation.
    """
    try:
        own = picture.getexif().get(_ORIENTATION)
    except Exception:  # damaged EXIF can raise anything
        own = None
    orientation = _orientation(own)
    return _TURNS.get(otherwise if orientation is None else orientation)


def _orientation(written: object) -> int | None:
    """Return an orientation, 1 to 8; programs also write it as bytes, a text or a list."""
    if isinstance(written, bytes):
        written = written.rstrip(b"\0")
    value = number(written, 1, 8)  # float() reads texts and bytes, too
    return int(value) if value is not None and value.is_integer() else None


def upright(picture: Image.Image) -> Image.Image:
    """Return a loaded picture in the orientation that its EXIF specifies."""
    turn = turn_of(picture)
    return picture if turn is None else picture.transpose(turn)


def facts_of_picture(picture: Image.Image) -> Facts:
    """Return the metadata in the EXIF of an opened picture; implausible values are absent."""
    try:
        exif = picture.getexif()
        first, details = dict(exif), dict(exif.get_ifd(_EXIF_IFD))
    except Exception:  # damaged EXIF can raise anything
        return Facts()
    try:
        gps = dict(exif.get_ifd(_GPS_IFD))
    except Exception:  # as above; the other values remain valid
        gps = {}
    return facts_of(first, details, gps)
