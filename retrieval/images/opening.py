"""Opening a picture without trusting it: by its content, few formats, and within limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import BytesIO
from typing import IO

import pillow_heif
from PIL import (  # the plugins enter themselves into Image.OPEN when they are imported
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from retrieval.errors import PictureError
from retrieval.images import ReadLimits, reasons
from retrieval.images.budget import admit
from retrieval.images.jpeg import read_header
from retrieval.images.raw import RawFile
from retrieval.images.raw.detection import looks_raw, read_raw
from retrieval.images.scaling import Frame, Target, scale_down

# Tried in this order. No other plugin ever sees a file: some run programs (EPS), some are rarely
# looked at. AVIF goes before HEIF, for their signatures overlap; DIB last, for it has hardly any.
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_HEAD_BYTES = 64
_MAX_PREVIEW_BYTES = 64 * 2**20

_Opener = Callable[[IO[bytes], str], ImageFile.ImageFile]


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before it is decoded.

    `format` is what the file is; `size` the picture's own (width, height), as stored. `frame` is
    where it will lie in what is decoded, None when that is all of it. `raw` is the raw file that
    the picture is the preview of.
    """

    format: str
    size: tuple[int, int]
    frame: Frame | None = None
    raw: RawFile | None = None


def open_picture(
    file: IO[bytes], limits: ReadLimits, held: ExitStack, target: Target | None = None
) -> tuple[ImageFile.ImageFile, Header]:
    """Read the header; refuse what is no picture or too large, before anything is allocated.

    `held` keeps this picture's share of the memory budget: close it when the picture is done.
    `target` gives the size that the picture will be resampled to; where less than the whole
    suffices for that, less will be decoded.

    Pillow's own `Image.open` is not used, for three reasons: its limit on pixels would decide
    beside ours, it warns instead of saying why, and it would need the HEIF plugin registered for
    the whole process.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    raw = read_raw(file, head)
    if raw is not None:
        return _open_preview(file, raw, limits, held, target)
    failure: tuple[Exception, str] | None = None
    for name, opener in _candidates(head):
        # WebP is the one decoder that allocates its canvas when it is opened.
        canvas = webp_canvas(head) if name == "WEBP" else None
        if canvas is not None:
            admit(canvas[0] * canvas[1], canvas, limits, held)
        try:
            file.seek(0)
            picture = opener(file, "")
        except (MemoryError, PictureError):
            raise
        except Exception as error:  # whatever a decoder throws at a broken header
            failure = (error, name)
            continue
        header = Header(picture.format or "", picture.size)
        if canvas is None:
            header = _scaled_and_admitted(picture, header, file, limits, held, target)
        return picture, header
    if failure is not None:
        raise PictureError(_reason_at_opening(*failure)) from failure[0]
    start = head.lstrip().lower()
    is_page = start.startswith((b"<!doctype html", b"<html"))
    raise PictureError(reasons.WEB_PAGE if is_page else reasons.NOT_A_PICTURE)


def has_signature(file: IO[bytes]) -> bool:
    """Tell from the first bytes whether any decoder would look at a file."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    found = looks_raw(head) or next(_candidates(head), None) is not None
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


def _open_preview(
    file: IO[bytes], raw: RawFile, limits: ReadLimits, held: ExitStack, target: Target | None
) -> tuple[ImageFile.ImageFile, Header]:
    """Open the JPEG inside of a raw file."""
    if raw.preview is None:
        raise PictureError(reasons.no_preview(raw.format))
    file.seek(raw.preview.span.start)
    inside = BytesIO(file.read(min(raw.preview.span.length, _MAX_PREVIEW_BYTES)))
    opener, _ = Image.OPEN["JPEG"]
    picture = opener(inside, "")
    header = Header(raw.format, picture.size, raw=raw)
    return picture, _scaled_and_admitted(picture, header, inside, limits, held, target)


def _scaled_and_admitted(
    picture: ImageFile.ImageFile,
    header: Header,
    source: IO[bytes],
    limits: ReadLimits,
    held: ExitStack,
    target: Target | None,
) -> Header:
    """Have the picture decoded as small as will do, and wait for its share of the memory."""
    otherwise = header.raw.orientation if header.raw else 1
    frame = scale_down(picture, target, otherwise) if target else None
    width, height = picture.size if frame and _streams(picture, source) else header.size
    admit(width * height, header.size, limits, held)
    return replace(header, frame=frame)


def _streams(picture: ImageFile.ImageFile, source: IO[bytes]) -> bool:
    """Tell whether a scaled picture takes only the memory of what comes out."""
    if not isinstance(picture, JpegImagePlugin.JpegImageFile):
        return False
    jpeg = read_header(source)
    return jpeg is not None and not jpeg.buffered


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
