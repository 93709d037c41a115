"""The containers of videos: recognised by their first bytes, read only if PyAV is installed."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

_DEMUXERS = {
    "MP4": "mov",
    "MOV": "mov",
    "3GP": "mov",
    "MKV": "matroska",
    "WEBM": "matroska",
    "AVI": "avi",
}
"""FFmpeg's name of the demuxer of each format: no other demuxer sees a file."""

ENDINGS = {
    "MP4": "mp4 m4v",
    "MOV": "mov qt",
    "3GP": "3gp 3g2 3gpp",
    "MKV": "mkv",
    "WEBM": "webm",
    "AVI": "avi",
}
"""The extensions of each format, the usual one first."""

EXTENSIONS = frozenset(each for endings in ENDINGS.values() for each in endings.split())

MISSING = "videos need an extra package: pip install 'pixtrieve[video]'"

_BRANDS = (b"iso", b"mp4", b"mp7", b"avc", b"M4V", b"MSNV", b"NDS", b"F4V", b"dash", b"XAVC",
           b"mmp4", b"hvc", b"hev", b"SDV", b"FACE", b"CAEP", b"av01", b"cmf")  # fmt: skip
ATOMS = (b"moov", b"mdat", b"wide", b"pnot")
"""What a QuickTime file without a brand begins with."""


@lru_cache(maxsize=1)
def can_read() -> bool:
    """Tell whether PyAV is installed; it is not imported."""
    return find_spec("av") is not None


def container_of(head: bytes) -> str:
    """Return the format that a file's first 64 bytes are the signature of, "" for no video.

    The formats of pictures and of music in the same containers (HEIF, AVIF, CR3, M4A) are none.
    """
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand == b"qt  ":
            return "MOV"
        if brand.startswith((b"3gp", b"3g2", b"3gr", b"3gs")):
            return "3GP"
        return "MP4" if brand.startswith(_BRANDS) else ""
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "WEBM" if b"webm" in head else "MKV" if b"matroska" in head else ""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    return "MOV" if head[4:8] in ATOMS else ""


def demuxer_of(format_name: str) -> str:
    """Return FFmpeg's name of a format's demuxer."""
    return _DEMUXERS[format_name]


def is_video(format_name: str) -> bool:
    """Tell whether a `format` (`Facts`) is that of a video."""
    return format_name in _DEMUXERS
