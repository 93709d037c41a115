"""Reasons why a file cannot be used, for its owner: what happened and, if possible, what to do.

Reasons are phrases in lower case without a full stop, because they follow a path ("a.jpg: the file
is empty"). Reasons of the walk stay short: reports put them in parentheses and add the advice.
"""

from __future__ import annotations

import errno
import math
import re
from dataclasses import dataclass

from retrieval.errors import PictureError

EMPTY = "the file is empty; restore it from a backup or delete it"
CHANGED = "the file changed during reading; try again when it is complete"
NOT_A_FILE = "not a regular file"
NOT_A_PICTURE = "not a picture in a supported format, or its beginning is damaged"
WEB_PAGE = "a web page, not a picture; download the picture itself"
NO_MEMORY = "not enough memory; close other programs and try again"
CRASHED = "the decoder crashed on it; copy the file again or restore it from a backup"
KILLED = "the decoder was killed, perhaps because memory ran out; try again"
BOMB = "damaged data: the header claims more pixels than the decoder accepts"
BROKEN_LINK = "broken link: its target is missing"
NOT_A_FOLDER = "not a folder"

_OF_ERRNO = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "no such file or folder",
    errno.ENOTDIR: "no such file or folder",
    errno.EISDIR: NOT_A_FILE,
    errno.ELOOP: BROKEN_LINK,
    errno.EIO: "the disk reports a read error",
    errno.ENAMETOOLONG: "the path is too long for this system",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
}
_SHOWN_FORMAT = {
    "JPEG2000": "JPEG 2000",
    "WEBP": "WebP",
    "PPM": "PNM",
    "HEIF": "HEIC/HEIF",
    "DIB": "BMP",
}
_SAYS_TRUNCATED = ("truncated", "not enough image data", "end of file", "end-of-file", "eof")
_NUMBER = re.compile(r"\d[\d.,]*(?<![.,])")
_SAYS_UNSUPPORTED = ("unsupported", "not supported", "unknown pixel mode")


def without_numbers(reason: str) -> str:
    """Return what reasons have in common that differ only in numbers, such as of megapixels."""
    return _NUMBER.sub("…", reason)


class TooManyPixelsError(PictureError):
    """A picture is above the limit; a higher limit makes it usable. `megapixels` is its size."""

    def __init__(self, pixels: int, limit_megapixels: float) -> None:
        super().__init__(too_many_pixels(pixels, limit_megapixels))
        self.megapixels = pixels / 1e6


def too_large_file(size: int, limit_megapixels: float) -> str:
    """Return a reason for a file of `size` bytes that no picture within the limit needs."""
    return (
        f"the file has {size / 1e9:,.0f} GB, more than any picture of {limit_megapixels:g} "
        "megapixels (raise the limit with --max-megapixels)"
    )


class TransientError(PictureError):
    """A picture cannot be read now, but the file itself may be intact."""


@dataclass(slots=True)
class Reading:
    """The picture that is being read; `format`, once known, makes reasons more specific."""

    format: str = ""


def of_os_error(error: OSError) -> str:
    """Return a short reason for an error of the operating system."""
    if error.errno in _OF_ERRNO:
        return _OF_ERRNO[error.errno]
    return (error.strerror or "the system cannot read it").lower()


def too_many_pixels(pixels: int, limit_megapixels: float) -> str:
    """Return a reason with the size, the limit and the option that raises it."""
    megapixels = math.ceil(pixels / 1e5) / 10
    return (
        f"{megapixels:,.1f}".removesuffix(".0") + f" megapixels, more than the limit of "
        f"{limit_megapixels:g} (raise it with --max-megapixels)"
    )


def too_much_memory(limit: int) -> str:
    """Return the reason for a picture whose decoding needs more than `limit` bytes."""
    return f"decoding needs more than {limit / 2**30:.1f} GB of memory; save it again as JPEG"


def too_slow(seconds: float) -> str:
    """Return the reason for a picture whose decoding was ended after so many seconds."""
    return f"decoding took longer than {seconds:,.0f} s; save it again as JPEG"


def stalled(seconds: float) -> str:
    """Return the reason for a file that could not be read in so many seconds."""
    return f"reading took longer than {seconds:,.0f} s; check the drive and try again"


def too_many_scans(scans: int) -> str:
    """Return the reason for a JPEG that a decoder would have to pass over too many times."""
    return f"a JPEG with {scans:,} scans, which takes too long to decode; save it again"


def no_preview(format_name: str) -> str:
    """Return the reason for a raw file without a preview: Pixtrieve does not decode sensor data."""
    return f"a camera raw file ({format_name}) without a JPEG preview; export it as JPEG"


def small_preview(format_name: str, size: tuple[int, int], needed: int) -> str:
    """Return a reason with the preview's (width, height) and the short side the model needs."""
    return (
        f"a camera raw file ({format_name}) with a preview of only {size[0]} × {size[1]} pixels; "
        f"the model needs {needed}: export it as JPEG"
    )


def of_decoder_error(error: Exception, format_name: str) -> str:
    """Return the reason for a decoder's exception, whose own message is meant for programmers."""
    shown = _SHOWN_FORMAT.get(format_name, format_name or "picture")
    said = str(error).lower()
    if isinstance(error, EOFError) or any(word in said for word in _SAYS_TRUNCATED):
        return "the file is truncated; copy it again or restore it from a backup"
    if isinstance(error, NotImplementedError) or any(word in said for word in _SAYS_UNSUPPORTED):
        return f"an unsupported kind of {shown}; save it again as JPEG or PNG"
    if format_name in ("AVIF", "HEIF"):  # their libraries do not distinguish the two cases
        return f"damaged {shown} data, or an unsupported kind of {shown}; save it again as JPEG"
    return f"damaged {shown} data; copy the file again or restore it from a backup"
