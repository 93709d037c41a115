"""What EXIF says of an opened picture: how to turn it, and when, where and with what it was taken.

EXIF is often broken and never worth losing a picture for: whatever cannot be read is not there.
"""

from __future__ import annotations

import re
from datetime import date, time

from PIL import Image

from retrieval.images import Origin
from retrieval.images.exif_values import camera_name, clean, position

_ORIENTATION = 0x0112
_EXIF_IFD = 0x8769
_DATE_TIME = 0x0132
_DATE_TIME_ORIGINAL = 0x9003
_DATE_TIME_DIGITIZED = 0x9004
_MAKE, _MODEL, _LENS, _GPS_IFD = 0x010F, 0x0110, 0xA434, 0x8825

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Most write 2023:05:01 12:30:00; some write dashes, some a T.
_WRITTEN_DATE = re.compile(r"\s*(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_FIRST_PHOTOGRAPH = 1826


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


def origin_of(picture: Image.Image) -> Origin:
    """Say how the picture came about, as far as its EXIF is there and makes sense."""
    try:
        exif = picture.getexif()
        first, details = dict(exif), dict(exif.get_ifd(_EXIF_IFD))
    except Exception:  # a decoder of broken EXIF may raise anything
        return Origin()
    written = (
        details.get(_DATE_TIME_ORIGINAL),
        details.get(_DATE_TIME_DIGITIZED),
        first.get(_DATE_TIME),
    )
    place = _position(exif)
    return Origin(
        next((iso for iso in map(iso_date, written) if iso), ""),
        camera_name(first.get(_MAKE), first.get(_MODEL)),
        clean(details.get(_LENS)),
        *(place or (None, None)),
    )


def _position(exif: Image.Exif) -> tuple[float, float] | None:
    try:
        gps = exif.get_ifd(_GPS_IFD)
        return position((gps.get(2), gps.get(1)), (gps.get(4), gps.get(3)))
    except Exception:  # as above, but what the rest says still counts
        return None


def iso_date(written: object) -> str:
    """Translate EXIF's way of writing a date; "" for anything that is not a real one."""
    match = _WRITTEN_DATE.match(written) if isinstance(written, str) else None
    if match is None:
        return ""
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        iso = f"{date(year, month, day)}T{time(hour, minute, second)}"
    except ValueError:
        return ""
    return iso if year >= _FIRST_PHOTOGRAPH else ""
