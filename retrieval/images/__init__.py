"""Pictures on disk: the folder walk, and safe decoding of untrusted files.

Paths are `str` as `os.fsdecode` returns them: a name that is not UTF-8 has surrogate escapes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.images.exported_names import SUPPLEMENT, other_names
from retrieval.images.parts import Part
from retrieval.query.fields import Facts
from retrieval.query.spelling import as_read


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A picture file that the walk found by its name; its content has not been read.

    `path` is relative to the root of the walk. `unsupported` is "" for a supported format, or
    the reason why the format cannot be read ("Photoshop (PSD) files are not supported").
    """

    path: str
    size: int
    mtime_ns: int
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A file whose name does not tell whether it is a picture; its first bytes do.

    `path` is relative to the root of the walk. See `images.sniffing`.
    """

    path: str
    size: int
    mtime_ns: int


_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def mtime_ns(status: os.stat_result) -> int:
    """Return a file's modification time in nanoseconds since 1970, clamped to 64 signed bits.

    SQLite stores 64 bits. Some file systems hold later years; a wrong clock can write one.
    """
    changed = status.st_mtime_ns
    return max(_INT64_MIN, min(changed, _INT64_MAX))


SIDECARS = (".txt", ".xmp", ".json")
"""Lower-case extensions of sidecars: see `beside`."""

_NUMBERED = re.compile(r"(.+)(\(\d+\))")


def beside(path: str) -> str:
    """Return the path that a sidecar belongs to, with or without the picture's extension.

    `a.txt` and `a.jpg.txt` describe `a.jpg`, and so does XMP. Google's `a.jpg.json` and
    `a.jpg.supplemental-metadata.json`, which may be cut short, need the extension; with a number,
    as in `a.jpg.suppl(1).json`, they describe `a(1).jpg`. They may describe other pictures, too:
    see `images.exported_names`.
    """
    stem, ending = os.path.splitext(path)
    if ending.lower() != ".json":
        return stem
    numbered = _NUMBERED.fullmatch(stem)
    stem, number = numbered.groups() if numbered else (stem, "")
    shorter, last = os.path.splitext(stem)
    if last and os.path.splitext(shorter)[1] and SUPPLEMENT.startswith(last.lower()):
        stem = shorter
    name, extension = os.path.splitext(stem)
    return f"{name}{number}{extension}"


def is_json(path: str) -> bool:
    """Tell whether a sidecar is one of JSON."""
    return path.lower().endswith(".json")


class Described:
    """What sidecars of pictures may describe; names that look the same are the same name."""

    def __init__(self, pictures: Iterable[str]) -> None:
        self._pictures: dict[str, str] = {}
        self._stems: dict[str, str] = {}
        self._exported: dict[str, str] = {}
        for path in pictures:
            _add(self._pictures, path)
            _add(self._stems, os.path.splitext(path)[0])
            for name in other_names(path):
                _add(self._exported, name)

    def by(self, sidecar: str) -> str:
        """Return what a sidecar describes, as the picture is spelled; "" if none of the pictures.

        If two pictures differ only in their spelling, the one that is spelled alike counts.
        """
        named = beside(sidecar)
        for names in (self._pictures, self._exported if is_json(sidecar) else self._stems):
            if found := names.get(named) or names.get(as_read(named)):
                return found
        return ""


def _add(names: dict[str, str], name: str) -> None:
    names[name] = name
    names.setdefault(as_read(name), name)


@dataclass(frozen=True, slots=True)
class FoundSidecar:
    """A file beside a picture that may describe it; its content has not been read.

    `path` is relative to the root of the walk. `beside` is what it describes (`images.beside`), in
    the picture's spelling: names on disks may have composed characters or not (NFC, NFD).
    """

    path: str
    size: int
    mtime_ns: int
    beside: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file that the walk could not read: its content is unknown, not deleted.

    `path` is relative to the root; "" is the root itself. `link` is True for a broken link. Most
    broken links are leftovers, but one may lead to a drive that is not connected.
    """

    path: str
    reason: str
    link: bool = False


@dataclass(frozen=True, slots=True)
class MountPoint:
    """A folder, relative to the root, where another file system is mounted, such as a drive.

    The walk enters it. If the folder is empty on the next walk, the drive is disconnected and its
    pictures are not deleted.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureInfo(Facts):
    """The metadata of a decoded picture, its luma thumbnail and its embedded texts.

    `luma_thumbnail` is a small grey copy (`images.luma_thumbnail`); b"" when there is none.
    `words` holds the titles, captions and keywords stored in the file (`images.descriptions`), one
    text per line; "" when there are none.
    """

    luma_thumbnail: bytes = field(default=b"", repr=False, compare=False)
    words: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Content:
    """What was hashed: the SHA-256 of a file's bytes, their number, and the file's time."""

    sha256: bytes
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file that has been read.

    `size` and `mtime_ns` describe exactly the bytes that were hashed. `pixels` is (H, W, 3) uint8
    RGB at the model's input size. `pixels` and `info` are None when the caller already knows the
    content. A video has `parts`, at least one, and the pixels of one of them.
    """

    sha256: bytes
    size: int
    mtime_ns: int
    pixels: NDArray[np.uint8] | None
    info: PictureInfo | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture file that cannot be used, with the reason for its owner.

    `kind` is "bad" (the file fails again until it changes) or "transient" (the next run may
    succeed: the file changed during reading, or the disk returned an error). `size` and `mtime_ns`
    describe the file as it was read; a transient problem has no valid ones. `megapixels` is the
    size of a picture above the limit: when the limit is raised, the file is tried again.
    """

    reason: str
    kind: Literal["bad", "transient"] = "bad"
    size: int = -1
    mtime_ns: int = -1
    megapixels: float | None = None


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits on the cost of reading a picture.

    A picture that needs more than `max_megapixels` million pixels in memory is refused before it
    is decoded. With `exact`, every pixel is decoded and resampled, as open_clip does; large
    pictures then take several times as long. Without it, a picture is decoded at the smallest
    sufficient size, and the cosine of its vector differs in the fourth decimal.

    The other limits apply where pictures are decoded in a worker process (indexing, text
    recognition, the server). Decoding may take `max_seconds`, and that again for each 120
    megapixels. It may allocate `max_memory` bytes; None stands for 1 GiB and 40 bytes a pixel.
    """

    max_megapixels: float = 250.0
    exact: bool = False
    max_seconds: float = 30.0
    max_memory: int | None = None

    def seconds_for(self, size: int) -> float:
        """Return how long decoding a file of `size` bytes may take, apart from its megapixels."""
        return self.max_seconds + size / _BYTES_PER_S


_BYTES_PER_S = 4e6  # a large file is read again while it is decoded
