"""Reads one picture wherever it is: what pages, sheets and viewers need."""

from __future__ import annotations

from retrieval.errors import PictureError, SourceError
from retrieval.images.places import PARQUETS, ZIPS, place_in
from retrieval.query.spelling import is_address


def picture_bytes(path: str) -> bytes | None:
    """Return the bytes of a picture in an archive or at an address; None if it is a plain file.

    Raises PictureError, also when the archive or the storage cannot be read.
    """
    place = place_in(path)
    if place is None:
        if not is_address(path):
            return None
        from retrieval.images.sources.storage import read_object

        return read_object(path)
    lower = place.archive.lower()
    try:
        if lower.endswith(ZIPS):
            from retrieval.images.sources.zips import member_bytes
        elif lower.endswith(PARQUETS):
            from retrieval.images.sources.parquets import member_bytes
        else:
            from retrieval.images.sources.tars import member_bytes
        return member_bytes(place.archive, place.member)
    except SourceError as error:
        raise PictureError(error.message, error.hint) from error
