"""What EXIF says of an opened picture: how to turn it, and when it was taken.

EXIF is often broken and never worth losing a picture for: whatever cannot be read is not there.
"""

from __future__ import annotations

import re
from datetime import date, time

from PIL import Image

_ORIENTATION = 0x0112
_EXIF_IFD = 0x8769
_DATE_TIME = 0x0132
_DATE_TIME_ORIGINAL = 0x9003
_DATE_TIME_DIGITIZED = 0x9004

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


def date_taken(picture: Image.Image) -> str:
    """When the picture was taken, as ISO 8601 local time; "" when it does not say, or nonsense."""
    try:
        exif = picture.getexif()
        details = exif.get_ifd(_EXIF_IFD)
        written = [
            details.get(_DATE_TIME_ORIGINAL),
            details.get(_DATE_TIME_DIGITIZED),
            exif.get(_DATE_TIME),
        ]
    except Exception:  # a decoder of broken EXIF may raise anything
        return ""
    return next((iso for iso in map(iso_date, written) if iso), "")


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
