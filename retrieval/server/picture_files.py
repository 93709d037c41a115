"""Bytes of indexed pictures. Every read checks the hash: only what was indexed is sent.

No path comes from a request, and a file that was replaced since indexing, for example by a link,
is never sent.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable

from retrieval.catalogue import ImageRow
from retrieval.errors import PictureError
from retrieval.images.decoding import open_file
from retrieval.images.isolation.pictures import thumbnail as thumbnail_at
from retrieval.images.isolation.pictures import thumbnail_of
from retrieval.images.sources.reading import picture_bytes
from retrieval.images.videos.containers import is_video
from retrieval.server.video_files import open_video
from retrieval.whole_file import require_inside, sealed, unsealed, whole_file

MOST_BYTES = 512 * 2**20

# Formats that every browser shows; other formats are sent as a large WebP.
SHOWN = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
}
LARGE_SIDE = 2048


def _ignored(_sha256: bytes, _placeholder: bytes) -> None:
    """Do nothing with a placeholder."""


_CHANGED = "it has changed since it was indexed"


def original(image: ImageRow) -> bytes:
    """Return the picture's bytes from the first of its files that still has them.

    Raises PictureError if no file has them.
    """
    reason = "the file is missing"
    for path in image.paths:
        try:
            elsewhere = picture_bytes(path)
        except PictureError as error:
            reason = error.message
            continue
        if elsewhere is not None:
            if hashlib.sha256(elsewhere).hexdigest() == image.sha256:
                return elsewhere
            reason = _CHANGED
            continue
        try:
            with open_file(path) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
                    reason = "it is no longer a picture file"
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
        f"{image.paths[0]} cannot be shown: {reason}", "update the library: pixtrieve index"
    )


def thumbnail(
    image: ImageRow,
    side: int,
    folder: str,
    made_of: Callable[[bytes, bytes], None] = _ignored,
    at: float | None = None,
) -> bytes:
    """Return a WebP, neither side longer than `side` pixels, cached in a library's `folder`.

    Of a video, it shows the moment that begins at second `at`, or a frame that stands for the
    video. `made_of(sha256, placeholder)` is called if a picture's had to be made.
    """
    kept = kept_thumbnail(image, side, folder, at)
    if kept:
        return kept
    path = _path(image, side, folder, at)
    if is_video(image.format):
        made = _frame(image, side, at)
    else:
        small = thumbnail_of(original(image), side)
        made_of(bytes.fromhex(image.sha256), small.placeholder)
        made = small.data
    try:
        require_inside(os.path.dirname(folder), path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with whole_file(path) as file:
            file.write(sealed(made))
    except OSError:
        return made  # on a read-only disk, or behind a link: make it every time
    return made


def _frame(image: ImageRow, side: int, at: float | None) -> bytes:
    """Return a thumbnail of a frame, decoded from a file that has the indexed bytes."""
    file, path = open_video(image)
    with file:
        made = thumbnail_at(path, side, at)
        same = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    if not same:
        raise PictureError(
            f"{path} cannot be shown: {_CHANGED}", "update the library: pixtrieve index"
        )
    return made


def kept_thumbnail(image: ImageRow, side: int, folder: str, at: float | None = None) -> bytes:
    """Return a thumbnail from the cache, b"" if it is missing, damaged or not a regular file."""
    path = _path(image, side, folder, at)
    try:
        require_inside(os.path.dirname(folder), path)
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return b""
        with open_file(path) as file:
            return unsealed(file.read()) or b""
    except OSError:
        return b""


def _path(image: ImageRow, side: int, folder: str, at: float | None) -> str:
    moment = "" if at is None else f"-{round(1000 * at)}"
    return os.path.join(folder, image.sha256[:2], f"{image.sha256}{moment}-{side}.webp")


def shown(
    image: ImageRow, folder: str, made_of: Callable[[bytes, bytes], None]
) -> tuple[bytes, str]:
    """Return the picture in a format that browsers show, and its media type: see `thumbnail`."""
    if image.format in SHOWN:
        return original(image), SHOWN[image.format]
    return thumbnail(image, LARGE_SIDE, folder, made_of), "image/webp"
