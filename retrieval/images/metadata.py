"""What EXIF says of an opened picture: how to turn it, and when, where and with what it was taken.

EXIF is often broken and never worth losing a picture for: whatever cannot be read is not there.
"""

from __future__ import annotations

from PIL import Image

from retrieval.images.exif import facts_of
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
    """Say how a picture is to be turned; `otherwise` is the orientation when it has none itself.

    The HEIF and TIFF readers turn what they load and say so by an orientation of 1; AVIF's reader
    reports the container's rotation as if it were EXIF's.
    """
    try:
        own = picture.getexif().get(_ORIENTATION)
    except Exception:  # a decoder of broken EXIF may raise anything
        own = None
    return _TURNS.get(own if own is not None and own in range(1, 9) else otherwise)


def upright(picture: Image.Image) -> Image.Image:
    """Turn a loaded picture the way it is meant to be seen."""
    turn = turn_of(picture)
    return picture if turn is None else picture.transpose(turn)


def facts_of_picture(picture: Image.Image) -> Facts:
    """Return what the EXIF of an opened picture says, as far as it is there and makes sense."""
    try:
        exif = picture.getexif()
        first, details = dict(exif), dict(exif.get_ifd(_EXIF_IFD))
    except Exception:  # a decoder of broken EXIF may raise anything
        return Facts()
    try:
        gps = dict(exif.get_ifd(_GPS_IFD))
    except Exception:  # as above, but what the rest says still counts
        gps = {}
    return facts_of(first, details, gps)
