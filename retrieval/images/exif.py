"""Picture metadata from EXIF directories, whichever reader supplies them."""

from __future__ import annotations

from typing import Protocol

from retrieval.images.exif_values import camera_name, clean, iso_date, number, position, utc_date
from retrieval.query.fields import Facts

_MAKE, _MODEL, _LENS = 0x010F, 0x0110, 0xA434
_DATE_TIME, _DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED = 0x0132, 0x9003, 0x9004
_EXPOSURE_TIME, _F_NUMBER, _ISO, _FOCAL_LENGTH = 0x829A, 0x829D, 0x8827, 0x920A
_SOUTH_NORTH, _LATITUDE, _WEST_EAST, _LONGITUDE = 1, 2, 3, 4
_GPS_TIME, _GPS_DATE = 7, 29


class Tags(Protocol):
    """An EXIF directory: values by tag, None for an absent tag."""

    def get(self, tag: int, /) -> object:
        """Return a tag's text, number or sequence of numbers."""


def facts_of(first: Tags, details: Tags, gps: Tags) -> Facts:
    """Return the metadata in the first directory (IFD0), the Exif IFD and the GPS IFD.

    Implausible values count as absent. The date is DateTimeOriginal, else DateTimeDigitized, else
    DateTime, else that of the position.
    """
    written = (
        details.get(_DATE_TIME_ORIGINAL),
        first.get(_DATE_TIME_ORIGINAL),
        details.get(_DATE_TIME_DIGITIZED),
        first.get(_DATE_TIME),
    )
    latitude, longitude = position(
        (gps.get(_LATITUDE), gps.get(_SOUTH_NORTH)), (gps.get(_LONGITUDE), gps.get(_WEST_EAST))
    ) or (None, None)
    iso = number(details.get(_ISO), 1, 1e7)
    return Facts(
        taken=next(filter(None, map(iso_date, written)), "")
        or utc_date(gps.get(_GPS_DATE), gps.get(_GPS_TIME)),
        camera=camera_name(first.get(_MAKE), first.get(_MODEL)),
        lens=clean(details.get(_LENS)),
        iso=None if iso is None else round(iso),
        aperture=number(details.get(_F_NUMBER), 0.1, 1000),
        exposure=number(details.get(_EXPOSURE_TIME), 1e-6, 1e6),
        focal_length=number(details.get(_FOCAL_LENGTH), 0.1, 1e5),
        latitude=latitude,
        longitude=longitude,
    )
