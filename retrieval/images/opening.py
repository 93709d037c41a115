"""Safe opening of untrusted pictures: format by content, few decoders, memory limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import BytesIO
from typing import IO

import pillow_heif
from PIL import (  # importing a plugin registers it in Image.OPEN
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
from retrieval.images.jpeg import USUAL_SCANS, count_scans, read_header
from retrieval.images.raw import RawFile
from retrieval.images.raw.detection import looks_raw, read_raw
from retrieval.images.scaling import Frame, Target, scale_down
from retrieval.images.videos.containers import ATOMS, can_read, container_of
from retrieval.query.fields import Facts

# Tried in this order. Other plugins never see a file: some run programs (EPS), some are poorly
# tested. AVIF is before HEIF because their signatures overlap. DIB is last because its is weak.
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
HEAD_BYTES = 64
"""The signatures of all formats lie in this many first bytes."""

_BMP_HEADERS = {size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)}
_PNM = re.compile(rb"P(?:[1-6]\s(?:#[^\n]*\n|\s)*\d+\s+\d+\s|[Ff]\s+\d+\s+\d+\s+-?\d)")
_MAX_PREVIEW_BYTES = 64 * 2**20
_MOST_SCANNED_PIXELS = 25e9  # all scans together: from two to twenty seconds

_Opener = Callable[[IO[bytes], str], ImageFile.ImageFile]


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a picture, known before decoding.

    `format` is the file's format; `size` is the picture's (width, height), as stored. `frame` is
    its area in the decoded pixels; None when the picture is decoded at full size. `raw` is the raw
    file whose preview the picture is, `video` what the video tells of which it is a frame, if any.
    """

    format: str
    size: tuple[int, int]
    frame: Frame | None = None
    raw: RawFile | None = None
    video: VideoTold | None = None


@dataclass(frozen=True, slots=True)
class VideoTold:
    """The facts of a video, and the texts in it."""

    facts: Facts
    words: str


def open_picture(
    file: IO[bytes],
    limits: ReadLimits,
    held: ExitStack,
    target: Target | None = None,
    at: float | None = None,
) -> tuple[Image.Image, Header]:
    """Read the header; refuse a file that is not a picture or is too large, before allocation.

    Of a video, the frame at second `at` is decoded, or one that stands for it.

    `held` holds the picture's share of the memory budget: close it after decoding. `target`
    returns the size that the picture will be resampled to; if a smaller size suffices, the decoder
    scales down. Raises PictureError with the reason; decoders can raise any other Exception.

    Pillow's `Image.open` is not used, for three reasons: it applies its own pixel limit, it warns
    instead of raising an error with a reason, and it needs the HEIF plugin registered for the
    whole process.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    raw = read_raw(file, head)
    if raw is not None:
        return _open_preview(file, raw, limits, held, target)
    container = container_of(head)
    if container:
        return _open_frame(file, container, limits, held, target, at)
    failure: tuple[Exception, str] | None = None
    for name, opener in _candidates(head):
        # Only the WebP decoder allocates its canvas on opening.
        canvas = webp_canvas(head) if name == "WEBP" else None
        if canvas is not None:
            admit(canvas[0] * canvas[1], canvas, limits, held)
        try:
            file.seek(0)
            picture = opener(file, "")
        except (MemoryError, PictureError):
            raise
        except Exception as error:  # a damaged header can raise anything
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
    """Tell from the first bytes whether a file has the signature of a supported format."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    found = looks_raw(head) or next(_candidates(head), None) is not None
    file.seek(0)
    return found or bool(container_of(head))


def video_format(file: IO[bytes]) -> str:
    """Return the format of a video from its first bytes, "" for any other file."""
    file.seek(0)
    found = container_of(file.read(HEAD_BYTES))
    file.seek(0)
    return found


def is_picture_head(head: bytes) -> bool:
    """Tell from a file's first 64 bytes, and not from its name, whether it is a picture.

    Stricter than `has_signature`: two letters, as of BMP and PNM, begin many a text, too.
    """
    head = head.ljust(HEAD_BYTES, b"\0")  # Pillow's tests expect some bytes
    sure = (name for name, _ in _candidates(head) if name not in ("BMP", "PPM", "DIB"))
    if looks_raw(head) or next(sure, None) is not None:
        return True
    if can_read() and container_of(head) and head[4:8] not in ATOMS:
        return True
    is_bmp = head.startswith(b"BM") and head[14:18] in _BMP_HEADERS and head[6:10] == bytes(4)
    return is_bmp or _PNM.match(head) is not None


def format_of_head(head: bytes) -> str:
    """Return the format that a file's first 64 bytes are the signature of, "" for none.

    Raw files have that of TIFF, or none.
    """
    return next((name for name, _ in _candidates(head.ljust(HEAD_BYTES, b"\0"))), "")


def webp_canvas(head: bytes) -> tuple[int, int] | None:
    """Return width and height from the first bytes of a WebP file; None if they are absent."""
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
    """Open the JPEG preview in a raw file; raises PictureError if it has none."""
    if raw.preview is None:
        raise PictureError(reasons.no_preview(raw.format))
    file.seek(raw.preview.span.start)
    inside = BytesIO(file.read(min(raw.preview.span.length, _MAX_PREVIEW_BYTES)))
    picture = JpegImagePlugin.JpegImageFile(inside, "")
    header = Header(raw.format, picture.size, raw=raw)
    return picture, _scaled_and_admitted(picture, header, inside, limits, held, target)


def _open_frame(
    file: IO[bytes],
    container: str,
    limits: ReadLimits,
    held: ExitStack,
    target: Target | None,
    at: float | None,
) -> tuple[Image.Image, Header]:
    """Decode a frame of a video, scaled down if it is much larger than its target."""
    from retrieval.images.videos.decoding import frame_to_show

    frame, facts, words = frame_to_show(file, container, target, limits, held, at)
    size = (facts.width, facts.height)
    shown = Frame(size, (0, 0, *frame.size))
    return frame, Header(container, size, shown, video=VideoTold(facts, words))


def _scaled_and_admitted(
    picture: ImageFile.ImageFile,
    header: Header,
    source: IO[bytes],
    limits: ReadLimits,
    held: ExitStack,
    target: Target | None,
) -> Header:
    """Choose the smallest sufficient decoding size and wait for a share of the memory budget."""
    otherwise = header.raw.orientation if header.raw else 1
    frame = scale_down(picture, target, otherwise) if target else None
    streams = _streams(picture, source)
    width, height = picture.size if frame and streams else header.size
    admit(width * height, header.size, limits, held)
    if isinstance(picture, JpegImagePlugin.JpegImageFile) and not streams:
        _check_scans(source, header.size)
    return replace(header, frame=frame)


def _streams(picture: ImageFile.ImageFile, source: IO[bytes]) -> bool:
    """Tell whether decoding at a reduced size needs only the memory of its result."""
    if not isinstance(picture, JpegImagePlugin.JpegImageFile):
        return False
    jpeg = read_header(source)
    return jpeg is not None and not jpeg.buffered


def _check_scans(source: IO[bytes], size: tuple[int, int]) -> None:
    """Raise PictureError for a JPEG with so many scans that decoding takes minutes."""
    scans = count_scans(source)
    if scans > USUAL_SCANS and scans * size[0] * size[1] > _MOST_SCANNED_PIXELS:
        raise PictureError(reasons.too_many_scans(scans))


def _candidates(head: bytes) -> Iterator[tuple[str, _Opener]]:
    """Yield the formats whose signature matches the file's first bytes, with their openers."""
    for name in _PILLOW_FORMATS:
        opener, accepts = Image.OPEN[name]
        if name == "JPEG":
            # Pillow's opener turns a JPEG that holds more pictures into an MPO.
            opener = JpegImagePlugin.JpegImageFile
        if accepts is not None and accepts(head) is True:
            yield name, opener
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        yield "HEIF", pillow_heif.HeifImageFile
    opener, accepts = Image.OPEN["DIB"]
    if accepts is not None and accepts(head):
        yield "DIB", opener


def _reason_at_opening(error: Exception, name: str) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return reasons.BOMB
    return reasons.of_decoder_error(error, name)
