"""Read a picture from a path or from bytes: the model's pixels, or the reason for a failure.

All functions are thread-safe. Threads share the pixel budget (`budget`) and the warning filter
(`silenced`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from io import BytesIO
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import PictureError
from retrieval.images import (
    Content,
    Picture,
    PictureInfo,
    Problem,
    ReadLimits,
    budget,
    mtime_ns,
    reasons,
)
from retrieval.images.luma_thumbnail import make_luma_thumbnail
from retrieval.images.opening import Header, has_signature, video_format
from retrieval.images.parts import Part
from retrieval.images.reasons import Reading, TransientError
from retrieval.images.rendering import read_header, render
from retrieval.images.resizing import resize, scaled_size
from retrieval.images.scaling import Target
from retrieval.images.silenced import silenced
from retrieval.images.sources.reading import picture_bytes
from retrieval.specs import Preprocessing

# A file up to this size is read once, then hashed and decoded from memory.
_IN_MEMORY_BYTES = 64 * 2**20
_BLOCK_BYTES = 2**22

_MOST_BYTES_PER_PIXEL = 64
"""A file with more bytes for each pixel of the limit is not read: four 64-bit channels, twice."""


def read_picture(
    path: str,
    preprocessing: Preprocessing,
    limits: ReadLimits,
    wanted: Callable[[bytes], bool],
) -> Picture | Problem:
    """Read a picture file and convert it to the model's pixels.

    `wanted` receives the SHA-256 of the content; when it returns False, the picture is not
    decoded. No file makes this function raise: the result is then a Problem. An exception of
    `wanted` reaches the caller. This decodes in the process itself: `images.isolation` protects it.
    """
    return read_in_steps(path, preprocessing, limits, lambda content: wanted(content.sha256))


def read_in_steps(
    path: str,
    preprocessing: Preprocessing,
    limits: ReadLimits,
    wanted: Callable[[Content], bool],
    reading: Callable[[], None] = lambda: None,
) -> Picture | Problem:
    """Read like `read_picture`; call `reading` while a large file is read and hashed."""
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open_file(path))
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                return Problem(reasons.NOT_A_FILE)
            if before.st_size > _IN_MEMORY_BYTES and not has_signature(file):
                # Do not spend minutes on hashing a huge file that is no picture.
                return Problem(reasons.NOT_A_PICTURE, "bad", before.st_size, mtime_ns(before))
            least_megapixels = before.st_size / (_MOST_BYTES_PER_PIXEL * 1e6)
            if least_megapixels > limits.max_megapixels and not video_format(file):
                reason = reasons.too_large_file(before.st_size, limits.max_megapixels)
                stat_of = before.st_size, mtime_ns(before)
                return Problem(reason, "bad", *stat_of, least_megapixels)
            digest, content = _hashed(file, before.st_size, reading)
        except (OSError, MemoryError) as error:
            return Problem(_transient_reason(error), "transient")
        if _changed(before, file):
            return Problem(reasons.CHANGED, "transient")
        if not wanted(Content(digest, before.st_size, mtime_ns(before))):
            return Picture(digest, before.st_size, mtime_ns(before), None, None)
        stat_of = (before.st_size, mtime_ns(before))
        result = decoded(content, digest, stat_of, (preprocessing, limits))
        if content is file and _changed(before, file):
            return Problem(reasons.CHANGED, "transient")
        return result


def read_bytes(
    data: bytes,
    changed_ns: int,
    preprocessing: Preprocessing,
    limits: ReadLimits,
    wanted: Callable[[bytes], bool],
) -> Picture | Problem:
    """Convert an encoded picture, from an archive or an address: see `read_picture`.

    `changed_ns` is the time that the result has as `mtime_ns`.
    """
    digest = hashlib.sha256(data).digest()
    if not wanted(digest):
        return Picture(digest, len(data), changed_ns, None, None)
    return decoded(BytesIO(data), digest, (len(data), changed_ns), (preprocessing, limits))


def pixels_from_bytes(
    data: bytes, preprocessing: Preprocessing, limits: ReadLimits | None = None
) -> NDArray[np.uint8]:
    """Convert an encoded picture to the model's (H, W, 3) uint8 pixels; raises PictureError."""
    return decode(BytesIO(data), preprocessing, limits or ReadLimits())[0]


def load_picture(path: str, limits: ReadLimits | None = None) -> Image.Image:
    """Read a picture, upright, in RGB, at its full size; raises PictureError.

    The picture may be in an archive or at an address (`images.places`).
    """
    data = picture_bytes(path)
    with explained() as reading, ExitStack() as held:
        file = BytesIO(data) if data is not None else held.enter_context(open_file(path))
        return render(file, limits or ReadLimits(), _full_size, held, reading).picture.copy()


def read_facts(path: str, limits: ReadLimits) -> PictureInfo:
    """Return the facts and texts in a picture file, without its size; raises PictureError.

    Hardly any format has to be decoded for that.
    """
    with explained() as reading, ExitStack() as held:
        facts, words = read_header(held.enter_context(open_file(path)), limits, held, reading)
        return PictureInfo(**asdict(facts), words=words)


def _full_size(size: tuple[int, int]) -> tuple[int, int]:
    return size


def decode(
    file: IO[bytes], preprocessing: Preprocessing, limits: ReadLimits
) -> tuple[NDArray[np.uint8], PictureInfo]:
    """Decode the first frame, upright, in RGB, at the model's input size.

    Returns (H, W, 3) uint8 pixels and the picture's metadata; raises PictureError.
    """
    target = partial(scaled_size, preprocessing=preprocessing)
    with explained() as reading, ExitStack() as held:
        got = render(file, limits, target, held, reading)
        if got.header.raw is not None:
            _check_preview(got.header, target)
        info = PictureInfo(
            **asdict(got.facts),
            luma_thumbnail=make_luma_thumbnail(got.picture, got.frame),
            words=got.words,
        )
        return resize(got.picture, preprocessing, got.frame, exact=limits.exact), info


def _check_preview(header: Header, target: Target) -> None:
    """Raise PictureError for a raw file's preview that is smaller than the model's input."""
    short, long = sorted(header.size)
    wanted = sorted(target((long, short)))
    if short < wanted[0] or long < wanted[1]:
        raise PictureError(reasons.small_preview(header.format, header.size, min(wanted)))


@contextmanager
def explained() -> Iterator[Reading]:
    """Silence the decoders and convert their exceptions to a PictureError with a reason.

    It catches every Exception, because decoders raise many unrelated types for damaged files.
    """
    reading = Reading()
    try:
        with silenced():
            yield reading
    except PictureError:
        raise
    except MemoryError as error:
        raise budget.out_of_memory() from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise TransientError(reasons.of_os_error(error)) from error
        raise PictureError(reasons.of_decoder_error(error, reading.format)) from error


def open_file(path: str) -> IO[bytes]:
    """Open a file for reading, even if a pipe or device has replaced it since the walk.

    Raises OSError, also for a path that no file can have (NUL, half of a surrogate pair).
    """
    try:
        return open(path, "rb", opener=_open_nonblocking)
    except ValueError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error


def _open_nonblocking(path: str, flags: int) -> int:
    """Open without blocking: a named pipe in place of a picture would block forever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def decoded(
    content: IO[bytes],
    digest: bytes,
    stat_of: tuple[int, int],
    how: tuple[Preprocessing, ReadLimits],
) -> Picture | Problem:
    """Decode a picture whose SHA-256, size and time are known; a failure becomes a Problem."""
    size, changed = stat_of
    if size == 0:
        return Problem(reasons.EMPTY, "bad", size, changed)
    parts: tuple[Part, ...] = ()
    try:
        container = video_format(content)
        if container:
            info, parts = _decode_video(content, container, *how)
            pixels = parts[len(parts) // 2].pixels
        else:
            pixels, info = decode(content, *how)
    except TransientError as error:
        return Problem(error.message, "transient")
    except reasons.TooManyPixelsError as error:
        return Problem(error.message, "bad", size, changed, error.megapixels)
    except PictureError as error:
        return Problem(error.message, "bad", size, changed)
    return Picture(digest, size, changed, pixels, info, parts)


def _decode_video(
    file: IO[bytes], container: str, preprocessing: Preprocessing, limits: ReadLimits
) -> tuple[PictureInfo, tuple[Part, ...]]:
    from retrieval.images.videos.decoding import read_moments

    with explained():
        return read_moments(file, container, preprocessing, limits)


def _hashed(file: IO[bytes], size: int, reading: Callable[[], None]) -> tuple[bytes, IO[bytes]]:
    """Return the SHA-256 of the content, and the content in memory or, if too large, the file."""
    if size <= _IN_MEMORY_BYTES:
        data = file.read(size + 1)  # no more: the second stat reveals a file that has grown
        return hashlib.sha256(data).digest(), BytesIO(data)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
        reading()
    return digest.digest(), file


def _changed(before: os.stat_result, file: IO[bytes]) -> bool:
    try:
        after = os.fstat(file.fileno())
    except OSError:  # a network drive that lost the file
        return True
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)


def _transient_reason(error: OSError | MemoryError) -> str:
    return reasons.of_os_error(error) if isinstance(error, OSError) else reasons.NO_MEMORY
