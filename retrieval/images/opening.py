"""Opening a picture without trusting it: by its content, few formats, and within limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

import pillow_heif
from PIL import (  # the plugins enter themselves into Image.OPEN when they are imported
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from retrieval.errors import PictureError
from retrieval.images import ReadLimits, reasons

# Tried in this order. No other plugin ever sees a file: some run programs (EPS), some are rarely
# looked at. AVIF goes before HEIF, for their signatures overlap; DIB last, for it has hardly any.
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_HEAD_BYTES = 64
_PIXELS_IN_FLIGHT = 64_000_000

_Opener = Callable[[IO[bytes], str], ImageFile.ImageFile]


def open_picture(file: IO[bytes], limits: ReadLimits, held: ExitStack) -> ImageFile.ImageFile:
    """Read the header; refuse what is no picture or too large, before anything is allocated.

    `held` keeps this picture's share of the memory budget: close it when the picture is done.

    Pillow's own `Image.open` is not used, for three reasons: its limit on pixels would decide
    beside ours, it warns instead of saying why, and it would need the HEIF plugin registered for
    the whole process.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    failure: tuple[Exception, str] | None = None
    for name, opener in _candidates(head):
        # WebP is the one decoder that allocates its canvas when it is opened.
        canvas = webp_canvas(head) if name == "WEBP" else None
        if canvas is not None:
            _admit(canvas, limits, held)
        try:
            file.seek(0)
            picture = opener(file, "")
        except (MemoryError, PictureError):
            raise
        except Exception as error:  # whatever a decoder throws at a broken header
            failure = (error, name)
            continue
        if canvas is None:
            _admit(picture.size, limits, held)
        return picture
    if failure is not None:
        raise PictureError(_reason_at_opening(*failure)) from failure[0]
    start = head.lstrip().lower()
    is_page = start.startswith((b"<!doctype html", b"<html"))
    raise PictureError(reasons.WEB_PAGE if is_page else reasons.NOT_A_PICTURE)


def has_signature(file: IO[bytes]) -> bool:
    """Tell from the first bytes whether any decoder would look at a file."""
    file.seek(0)
    found = next(_candidates(file.read(_HEAD_BYTES)), None) is not None
    file.seek(0)
    return found


def webp_canvas(head: bytes) -> tuple[int, int] | None:
    """Width and height from the first bytes of a WebP file; None when they are not there."""
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(head) >= 30:
        return (
            int.from_bytes(head[26:28], "little") & 0x3FFF,
            int.from_bytes(head[28:30], "little") & 0x3FFF,
        )
    return None


def _candidates(head: bytes) -> Iterator[tuple[str, _Opener]]:
    """Yield the formats whose signature the file carries."""
    for name in _PILLOW_FORMATS:
        opener, accepts = Image.OPEN[name]
        if accepts is not None and accepts(head) is True:
            yield name, opener
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        yield "HEIF", pillow_heif.HeifImageFile
    opener, accepts = Image.OPEN["DIB"]
    if accepts is not None and accepts(head):
        yield "DIB", opener


def _reason_at_opening(error: Exception, name: str) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "it claims a frame of more pixels than can be read"
    return reasons.of_decoder_error(error, name)


def _admit(size: tuple[int, int], limits: ReadLimits, held: ExitStack) -> None:
    """Refuse a picture over the limit; make one within it wait for its share of the memory."""
    pixels = size[0] * size[1]
    if pixels > limits.max_megapixels * 1e6:
        raise reasons.TooManyPixelsError(pixels, limits.max_megapixels)
    held.enter_context(_in_flight.hold(pixels))
    if Image.MAX_IMAGE_PIXELS is not None and pixels > Image.MAX_IMAGE_PIXELS:
        held.enter_context(_pillow_limit_lifted(pixels))


class PixelBudget:
    """Bounds how many pixels are decoded at once, in all threads; a larger picture goes alone.

    Peak memory then depends on the largest picture, not on how many threads meet large ones.
    Whoever waits keeps later comers waiting behind it, so a large picture gets its turn.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._used = 0
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Take a share for as long as the block runs."""
        share = min(pixels, self._total)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._used + share <= self._total)
            self._used += share
        try:
            yield
        finally:
            with self._changed:
                self._used -= share
                self._changed.notify_all()


# The module's only mutable state: the budget that all threads share, and the lock under which
# Pillow's own limit is moved.
_in_flight = PixelBudget(_PIXELS_IN_FLIGHT)
_moving_limit = threading.Lock()


@contextmanager
def _pillow_limit_lifted(pixels: int) -> Iterator[None]:
    """Raise Pillow's process-wide limit while one large picture, already checked, is decoded.

    Parts of Pillow (WebP, TIFF, MPO) refuse above twice that limit on their own. It is the user's
    limit that decides here, so Pillow's is set to just this picture's size and put back.
    """
    with _moving_limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
