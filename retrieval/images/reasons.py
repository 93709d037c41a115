"""Why a file could not be used, in words for its owner: no type names, no tracebacks."""

from __future__ import annotations

import errno
import math
from dataclasses import dataclass

from retrieval.errors import PictureError

EMPTY = "the file is empty"
CHANGED = "the file changed while it was read"
NOT_A_FILE = "not a regular file"
NOT_A_PICTURE = "not a picture, or damaged beyond recognition"
WEB_PAGE = "a web page, not a picture"
NO_MEMORY = "there was not enough memory to read it"
BROKEN_LINK = "a link whose target is missing"
NOT_A_FOLDER = "not a folder"

_OF_ERRNO = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "no such file or folder",
    errno.ENOTDIR: "no such file or folder",
    errno.EISDIR: NOT_A_FILE,
    errno.ELOOP: BROKEN_LINK,
    errno.EIO: "the disk could not read it (input/output error)",
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
_SAYS_UNSUPPORTED = ("unsupported", "not supported", "unknown pixel mode")


class TooManyPixelsError(PictureError):
    """A picture is larger than the limit; it can be used when the limit is raised."""

    def __init__(self, pixels: int, limit_megapixels: float) -> None:
        super().__init__(too_many_pixels(pixels, limit_megapixels))
        self.megapixels = pixels / 1e6


class PassingError(PictureError):
    """A picture could not be read this time, through no fault of the picture itself."""


@dataclass(slots=True)
class Reading:
    """The picture at hand; `format` is set once it is known, and only makes reasons better."""

    format: str = ""


def of_os_error(error: OSError) -> str:
    """Say what the operating system said, shortly."""
    if error.errno in _OF_ERRNO:
        return _OF_ERRNO[error.errno]
    return (error.strerror or "it could not be read").lower()


def too_many_pixels(pixels: int, limit_megapixels: float) -> str:
    """Name the size, the limit and the flag that lifts it."""
    megapixels = math.ceil(pixels / 1e5) / 10
    return (
        f"{megapixels:,.1f}".removesuffix(".0") + f" megapixels, more than the limit of "
        f"{limit_megapixels:g} (raise it with --max-megapixels)"
    )


def no_preview(format_name: str) -> str:
    """Say why a raw file shows nothing: sensor data is not developed here."""
    return f"a camera raw file ({format_name}) without a JPEG preview inside"


def small_preview(format_name: str, size: tuple[int, int], needed: int) -> str:
    """Name the preview's size, and the short side that the model needs."""
    return (
        f"a camera raw file ({format_name}) whose preview is only {size[0]} × {size[1]} pixels; "
        f"the model needs {needed}"
    )


def of_decoder_error(error: Exception, format_name: str) -> str:
    """Translate what a decoder raised; its own words are for programmers and vary by version."""
    shown = _SHOWN_FORMAT.get(format_name, format_name or "picture")
    said = str(error).lower()
    if isinstance(error, EOFError) or any(word in said for word in _SAYS_TRUNCATED):
        return "the file is cut short (truncated)"
    if isinstance(error, NotImplementedError) or any(word in said for word in _SAYS_UNSUPPORTED):
        return f"a kind of {shown} that is not supported"
    if format_name in ("AVIF", "HEIF"):  # their libraries do not tell the two apart
        return f"damaged {shown} data, or a kind of it that is not supported"
    return f"damaged {shown} data"
