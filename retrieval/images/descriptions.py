"""The texts stored in a picture file by EXIF, IPTC and XMP: captions, keywords, people, places.

Metadata that cannot be read counts as absent and never makes a picture fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from PIL import Image, ImageFile, IptcImagePlugin

from retrieval.images.xmp import read_xmp, xmp_facts
from retrieval.query.fields import Facts

_DESCRIPTION, _EXIF_IFD, _USER_COMMENT = 0x010E, 0x8769, 0x9286
_XP_TITLE, _XP_COMMENT, _XP_KEYWORDS, _XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
_IPTC_TITLE, _IPTC_KEYWORDS, _IPTC_HEADLINE, _IPTC_CAPTION = (2, 5), (2, 25), (2, 105), (2, 120)
_IPTC_PLACE = ((2, 92), (2, 90), (2, 95), (2, 101))  # sublocation, city, state, country
_IPTC_CHARSET, _IPTC_UTF8 = (1, 90), b"\x1b%G"

_MOST_CHARACTERS = 10_000

# Texts that cameras and programs write into every picture.
_STOCK = (
    "olympus digital camera", "sony dsc", "minolta digital camera", "konica minolta digital camera",
    "samsung", "dcf", "default", "digital camera", "digital still camera", "exif_jpeg_picture",
    "jpeg_picture", "created with gimp", "screenshot", "untitled", "ascii", "mde", "picture",
    "kodak digital still camera", "<digimax", "lead technologies", "maker:", "cof", "dav", "hdr",
    "hdrpl", "rptnbe", "rhdr", "vsco", "edf", "nor", "processed with", "file written by",
    "optimized by",
)  # fmt: skip


def words_inside(picture: Image.Image) -> str:
    """Return the texts stored in an opened picture, one per line; "" when there are none."""
    lines: dict[str, None] = {}
    for read in (_exif, _iptc, _xmp):
        try:
            lines.update(dict.fromkeys(filter(None, map(_line, read(picture)))))
        except Exception:  # noqa: S112 - damaged metadata can raise anything
            continue
    return "\n".join(lines)[:_MOST_CHARACTERS]


def _exif(picture: Image.Image) -> Iterator[str]:
    exif = picture.getexif()
    yield _decoded(exif.get(_DESCRIPTION))
    for tag in (_XP_TITLE, _XP_SUBJECT, _XP_COMMENT, _XP_KEYWORDS):
        value = exif.get(tag)
        if isinstance(value, tuple):
            value = bytes(value)
        if isinstance(value, bytes):
            yield value.decode("utf-16-le", "ignore").replace(";", ", ")
    yield _comment(exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT))


def _comment(value: Any) -> str:
    """Decode EXIF's UserComment: eight bytes that name the character set, then the text."""
    if not isinstance(value, bytes):
        return _decoded(value)
    charset, text = value[:8], value[8:]
    if charset.startswith(b"UNICODE"):
        # Not all programs use the file's byte order. The zero bytes of Latin letters reveal it.
        big = text[0::2].count(0) > text[1::2].count(0)
        return text.decode("utf-16-be" if big else "utf-16-le", "ignore")
    if charset.startswith(b"ASCII"):
        return _decoded(text)
    return _decoded(text) if not charset.strip(b"\0") and text.isascii() else ""


def _iptc(picture: Image.Image) -> Iterator[str]:
    if not isinstance(picture, ImageFile.ImageFile):
        return
    facts: dict[Any, Any] = IptcImagePlugin.getiptcinfo(picture) or {}
    utf8 = facts.get(_IPTC_CHARSET) == _IPTC_UTF8
    for tag in (_IPTC_TITLE, _IPTC_HEADLINE, _IPTC_CAPTION):
        yield from _iptc_values(facts.get(tag), utf8=utf8)
    yield ", ".join(dict.fromkeys(_iptc_values(facts.get(_IPTC_KEYWORDS), utf8=utf8)))
    place = (value for tag in _IPTC_PLACE for value in _iptc_values(facts.get(tag), utf8=utf8))
    yield ", ".join(dict.fromkeys(place))


def _iptc_values(value: Any, *, utf8: bool) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return [
        each.decode("utf-8", "replace") if utf8 else _decoded(each)
        for each in values
        if isinstance(each, bytes)
    ]


def facts_of_xmp(picture: Image.Image) -> Facts:
    """Return the date and place that the XMP in an opened picture has."""
    try:
        return xmp_facts(_packet(picture))
    except Exception:  # damaged metadata can raise anything
        return Facts()


def _xmp(picture: Image.Image) -> Iterable[str]:
    return read_xmp(_packet(picture))


def _packet(picture: Image.Image) -> bytes:
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    if isinstance(packet, str):
        packet = packet.encode()
    return packet if isinstance(packet, bytes) else b""


def _decoded(value: Any) -> str:
    """Decode bytes as UTF-8, or as Windows-1252 if they are not valid UTF-8."""
    if isinstance(value, str):
        try:  # Pillow decodes EXIF texts as Latin-1
            value = value.encode("latin-1")
        except UnicodeEncodeError:
            return str(value)
    if not isinstance(value, bytes):
        return ""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _line(text: str) -> str:
    """Return a text as one line; "" for a camera's stock text and for binary data."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not any(c.isalnum() for c in clean) or clean.count("\ufffd") > len(clean) // 10:
        return ""
    lower = clean.lower()
    stock = any(lower.startswith(s) and len(lower) < len(s) + 12 for s in _STOCK)
    return "" if stock else clean
