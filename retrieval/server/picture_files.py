"""Bytes of indexed pictures. What is served is what was indexed: the hash is checked every time.

So no path comes from outside, and a file that was exchanged since, by a link to something else
for example, is never sent.
"""

from __future__ import annotations

import hashlib
import os
import stat
from io import BytesIO

from retrieval.catalogue import ImageRow
from retrieval.errors import PictureError
from retrieval.images.decoding import open_file
from retrieval.images.thumbnails import thumbnail_of
from retrieval.whole_file import whole_file

MOST_BYTES = 512 * 2**20

# Formats that every browser shows as they are; of others it gets a large WebP.
SHOWN = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
}
LARGE_SIDE = 2048

_CHANGED = "it has changed since it was indexed"


def original(image: ImageRow) -> bytes:
    """Return the picture's bytes from the first of its files that still has them.

    Raises PictureError when none has.
    """
    reason = "it is not there any more"
    for path in image.paths:
        try:
            with open_file(path) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
                    reason = "it is no file of a picture any more"
                    continue
                if status.st_size != image.size:
                    reason = _CHANGED
                    continue
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            continue
        if hashlib.sha256(data).hexdigest() == image.sha256:
            return data
        reason = _CHANGED
    raise PictureError(
        f"{image.paths[0]} cannot be shown: {reason}", "index again: pixtrieve index"
    )


def thumbnail(image: ImageRow, side: int, folder: str) -> bytes:
    """Return a WebP of at most `side` pixels, made once and kept in `folder`."""
    path = os.path.join(folder, image.sha256[:2], f"{image.sha256}-{side}.webp")
    kept = _kept(path)
    if kept:
        return kept
    made = thumbnail_of(BytesIO(original(image)), side)
    if os.path.islink(path):
        return made  # writing would go where it points
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with whole_file(path) as file:
            file.write(made)
    except OSError:
        return made  # a library on a read-only disk makes them anew
    return made


def shown(image: ImageRow, folder: str) -> tuple[bytes, str]:
    """Return what a browser can show large, and its media type."""
    if image.format in SHOWN:
        return original(image), SHOWN[image.format]
    return thumbnail(image, LARGE_SIDE, folder), "image/webp"


def _kept(path: str) -> bytes:
    """Return a thumbnail that was made before; nothing for what is no plain file in its place."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return b""
        with open_file(path) as file:
            return file.read()
    except OSError:
        return b""
