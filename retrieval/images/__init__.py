"""Pictures on disk: finding them, and reading them without trusting them.

Paths are `str` as `os.fsdecode` gives them: a name that is not UTF-8 carries surrogate escapes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.query.fields import Facts


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A picture file that the walk came upon; nothing of it has been read.

    `path` is relative to the root that was walked. `unsupported` is empty, or says why a file
    that is a picture by its name cannot be read ("Photoshop files are not supported").
    """

    path: str
    size: int
    mtime_ns: int
    unsupported: str = ""


_LEAST, _MOST = -(2**63), 2**63 - 1


def mtime_ns(status: os.stat_result) -> int:
    """Return when a file was changed, in nanoseconds since 1970, kept within 64 bits.

    Some file systems hold years that do not fit, and a wrong clock is enough to write one.
    """
    changed = status.st_mtime_ns
    return changed if _LEAST <= changed <= _MOST else max(_LEAST, min(changed, _MOST))


SIDECARS = (".txt", ".xmp")
"""Endings, in lower case, of files that describe a picture: `a.txt` or `a.jpg.txt` for `a.jpg`."""


@dataclass(frozen=True, slots=True)
class FoundSidecar:
    """A file beside a picture that may describe it; nothing of it has been read.

    `path` is relative to the root that was walked.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder, or a file, that the walk could not look at: what is below it is unknown, not gone.

    `path` is relative to the root; "" is the root itself. `link` says that it is a link whose
    target is missing: waste mostly, but it may lead to a drive that is not plugged in.
    """

    path: str
    reason: str
    link: bool = False


@dataclass(frozen=True, slots=True)
class MountPoint:
    """A folder, relative to the root, where another file system begins: a drive, perhaps.

    The walk goes on into it. If it is empty next time, its pictures are not gone but unplugged.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureInfo(Facts):
    """The facts of a picture that was decoded, and what else was made of it.

    `luma_thumbnail` is a small grey square of it (`images.luma_thumbnail`), b"" where none was
    made. `words` is what the file says of itself (`images.descriptions`), a text a line, or "".
    """

    luma_thumbnail: bytes = field(default=b"", repr=False, compare=False)
    words: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file that has been read.

    `size` and `mtime_ns` are of the very bytes that were hashed. `pixels` is (H, W, 3) uint8 RGB,
    resized for the model, or None when the caller already knew the content (`info` is then None
    too).
    """

    sha256: bytes
    size: int
    mtime_ns: int
    pixels: NDArray[np.uint8] | None
    info: PictureInfo | None


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture file that could not be used, and why, in words for its owner.

    `kind` is "bad" (the file will fail again until it changes) or "transient" (it may work on the
    next run: it changed while it was read, or the disk gave an error). `size` and `mtime_ns` are
    of the file as it was read; for a transient problem they say nothing. `megapixels` is what the
    picture would have taken when that was the problem, so that a raised limit lets it be tried
    again.
    """

    reason: str
    kind: Literal["bad", "transient"] = "bad"
    size: int = -1
    mtime_ns: int = -1
    megapixels: float | None = None


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What reading a picture may cost.

    A picture that takes more than `max_megapixels` million pixels of memory is refused unread.
    `exact` decodes and resamples every pixel, as open_clip does, which takes several times as long
    for large pictures; otherwise a picture is decoded no larger than it has to be, and vectors
    differ in the fourth decimal of their cosine.
    """

    max_megapixels: float = 250.0
    exact: bool = False
