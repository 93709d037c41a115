"""What the rest of the program calls: reading pictures with workers.

The functions return what those of `decoding` and `thumbnails` return, to the bit. All are
thread-safe. If no worker can be started, they decode in this process and log a warning.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import PictureError
from retrieval.images import (
    Content,
    Picture,
    PictureInfo,
    Problem,
    ReadLimits,
    decoding,
    thumbnails,
)
from retrieval.images.budget import PixelBudget
from retrieval.images.isolation.conversation import Conversation, WorkerDiedError, as_facts
from retrieval.images.isolation.messages import Message
from retrieval.images.isolation.pool import NoWorkersError, Pool
from retrieval.images.parts import Part
from retrieval.images.reasons import TooManyPixelsError, TransientError
from retrieval.images.sources.reading import picture_bytes
from retrieval.specs import Preprocessing

_log = logging.getLogger(__name__)

FILES = Pool(max(16, os.cpu_count() or 1))
"""Workers for files; no more are in use than threads ask."""

UPLOAD_LIMITS = ReadLimits(max_megapixels=64.0, max_seconds=10.0, max_memory=2**30)

UPLOADS = Pool(2, PixelBudget(64_000_000))
"""Workers for pictures that somebody sends: neither kind of picture waits for the other."""


def read_picture(
    path: str,
    preprocessing: Preprocessing,
    limits: ReadLimits,
    wanted: Callable[[bytes], bool],
) -> Picture | Problem:
    """Read a picture file and convert it to the model's pixels: see `decoding.read_picture`.

    A decoder that crashes, or needs more time or memory than `limits` allow, makes a Problem.
    """
    try:
        try:
            return _read(path, preprocessing, limits, wanted)
        except WorkerDiedError as error:
            if not error.unread:
                return _problem(error)
            return _read(path, preprocessing, limits, wanted)
    except WorkerDiedError as error:
        return _problem(error)
    except NoWorkersError as error:
        _warn(error)
        return decoding.read_picture(path, preprocessing, limits, wanted)


def read_picture_bytes(
    data: bytes,
    changed_ns: int,
    preprocessing: Preprocessing,
    limits: ReadLimits,
    wanted: Callable[[bytes], bool],
) -> Picture | Problem:
    """Convert an encoded picture to the model's pixels: see `decoding.read_bytes`."""
    digest = hashlib.sha256(data).digest()
    if not wanted(digest):
        return Picture(digest, len(data), changed_ns, None, None)
    how = as_facts(preprocessing)
    request = {"do": "decode", "preprocessing": how, "mtime_ns": changed_ns}
    try:
        with FILES.worker() as worker, ExitStack() as held:
            message = Conversation(worker, limits, FILES.pixels, held).ask(request, data)
    except WorkerDiedError as error:
        kind: Literal["bad", "transient"] = "transient" if error.transient else "bad"
        return Problem(error.reason, kind, len(data), changed_ns)
    except NoWorkersError as error:
        _warn(error)
        return decoding.read_bytes(data, changed_ns, preprocessing, limits, lambda _: True)
    return _result(message, digest)


def pixels_of_upload(data: bytes, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Convert an encoded picture to the model's (H, W, 3) uint8 pixels, within `UPLOAD_LIMITS`.

    Raises PictureError.
    """
    request = {"do": "pixels", "preprocessing": as_facts(preprocessing)}
    try:
        try:
            return _pixels(_answer(UPLOADS, request, UPLOAD_LIMITS, data))
        except NoWorkersError as error:
            _warn(error)
            return decoding.pixels_from_bytes(data, preprocessing, UPLOAD_LIMITS)
    except TooManyPixelsError as error:
        raise PictureError(
            f"a picture of {error.megapixels:,.0f} megapixels is too large to be uploaded",
            f"send a copy of at most {UPLOAD_LIMITS.max_megapixels:g} megapixels",
        ) from error


def small_picture(path: str, side: int, limits: ReadLimits) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 RGB pixels, both sides at most `side`; raises PictureError."""
    where, data = _where(path)
    request = {"do": "small", "path": where, "side": side}
    try:
        return _pixels(_answer(FILES, request, limits, data))
    except NoWorkersError as error:
        _warn(error)
        return thumbnails.small_picture(path, side, limits)


def read_facts(path: str, limits: ReadLimits) -> PictureInfo:
    """Return the facts and texts in a picture file: see `decoding.read_facts`."""
    request = {"do": "facts", "path": _absolute(path)}
    try:
        return PictureInfo(**_as_info(_answer(FILES, request, limits).facts["info"]))
    except NoWorkersError as error:
        _warn(error)
        return decoding.read_facts(path, limits)


def thumbnail(path: str, side: int, at: float | None = None) -> bytes:
    """Return a WebP thumbnail of a picture file: see `thumbnails.thumbnail`."""
    where, data = _where(path)
    request = {"do": "thumbnail", "path": where, "side": side, "kind": "WEBP", "at": at}
    try:
        return bytes(_answer(FILES, request, ReadLimits(), data).data)
    except NoWorkersError as error:
        _warn(error)
        return thumbnails.thumbnail(path, side, at=at)


def thumbnail_of(data: bytes, side: int, kind: thumbnails.Kind = "WEBP") -> thumbnails.Thumbnail:
    """Return a WebP or JPEG thumbnail of an encoded picture: see `thumbnails.thumbnail`."""
    request = {"do": "thumbnail", "path": None, "side": side, "kind": kind, "at": None}
    try:
        made = _answer(FILES, request, ReadLimits(), data)
        placeholder = bytes.fromhex(made.facts["placeholder"])
        return thumbnails.Thumbnail(bytes(made.data), placeholder)
    except NoWorkersError as error:
        _warn(error)
        return thumbnails.thumbnail_of(BytesIO(data), side, kind=kind)


def _read(
    path: str,
    preprocessing: Preprocessing,
    limits: ReadLimits,
    wanted: Callable[[bytes], bool],
) -> Picture | Problem:
    sha256 = b""

    def needs_pixels(content: Content) -> bool:
        nonlocal sha256
        sha256 = content.sha256
        return wanted(sha256)

    how = as_facts(preprocessing)
    request = {"do": "read", "path": _absolute(path), "preprocessing": how}
    with FILES.worker() as worker, ExitStack() as held:
        message = Conversation(worker, limits, FILES.pixels, held).ask(request, wanted=needs_pixels)
    return _result(message, sha256)


def _result(message: Message, sha256: bytes) -> Picture | Problem:
    if "problem" in message.facts:
        return Problem(**message.facts["problem"])
    found = message.facts["picture"]
    if "info" not in found:
        return Picture(sha256, found["size"], found["mtime_ns"], None, None)
    luma = message.data[len(message.data) - found["luma"] :]
    info = PictureInfo(**_as_info(found["info"]), luma_thumbnail=bytes(luma))
    pixels = _shaped(message, found)
    views, size = found["views"], pixels.nbytes
    parts = tuple(
        Part(view, np.frombuffer(message.data, np.uint8, size, size * number).reshape(pixels.shape))
        for number, view in enumerate(views, 1)
    )
    return Picture(sha256, found["size"], found["mtime_ns"], pixels, info, parts)


def _as_info(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of an answer as `PictureInfo` has them: JSON makes lists of tuples."""
    return {name: tuple(it) if isinstance(it, list) else it for name, it in facts.items()}


def _answer(pool: Pool, request: dict[str, Any], limits: ReadLimits, data: bytes = b"") -> Message:
    """Return a worker's answer to a request that reads nothing first; raises PictureError."""
    try:
        with pool.worker() as worker, ExitStack() as held:
            message = Conversation(worker, limits, pool.pixels, held).ask(request, data)
    except WorkerDiedError as error:
        kind = TransientError if error.transient else PictureError
        raise kind(error.reason) from error
    if "error" in message.facts:
        raise _raised(message.facts["error"], limits)
    return message


def _raised(failure: dict[str, Any], limits: ReadLimits) -> PictureError:
    if failure["megapixels"] is not None:
        return TooManyPixelsError(round(failure["megapixels"] * 1e6), limits.max_megapixels)
    kind = TransientError if failure["transient"] else PictureError
    return kind(failure["message"], failure["hint"])


def _pixels(message: Message) -> NDArray[np.uint8]:
    return _shaped(message, message.facts)


def _shaped(message: Message, facts: dict[str, Any]) -> NDArray[np.uint8]:
    height, width, channels = facts["shape"]
    pixels = np.frombuffer(message.data, np.uint8, height * width * channels)
    return pixels.reshape(height, width, channels)


def _problem(error: WorkerDiedError) -> Problem:
    content = error.content
    if error.transient or content is None:
        return Problem(error.reason, "transient")
    return Problem(error.reason, "bad", content.size, content.mtime_ns)


def _where(path: str) -> tuple[str | None, bytes]:
    """Return the path that a worker opens, or the bytes of a picture that is no file of its own."""
    data = picture_bytes(path)
    return (_absolute(path), b"") if data is None else (None, data)


def _absolute(path: str) -> str:
    """Return an absolute path: a worker has another working folder."""
    try:
        return os.path.abspath(path)
    except OSError:  # the working folder was deleted, and the path is relative
        return path


def _warn(error: NoWorkersError) -> None:
    _log.warning("pictures are decoded without the protection of a worker process: %s", error)
