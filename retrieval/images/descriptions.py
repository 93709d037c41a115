"""The texts and facts in a picture file by EXIF, XMP and IPTC: captions, keywords, people, places.

Metadata that cannot be read counts as absent and never makes a picture fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageFile, IptcImagePlugin

from retrieval.images.exif_values import clean, iso_date
from retrieval.images.names_told import keywords_of, percent, stars
from retrieval.images.xmp import read_xmp
from retrieval.query.fields import Facts

_DESCRIPTION, _EXIF_IFD, _USER_COMMENT = 0x010E, 0x8769, 0x9286
_XP_TITLE, _XP_COMMENT, _XP_KEYWORDS, _XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
_XP_TEXTS = (_XP_TITLE, _XP_SUBJECT, _XP_COMMENT, _XP_KEYWORDS)
_RATING, _RATING_PERCENT = 0x4746, 0x4749
_IPTC_TITLE, _IPTC_KEYWORDS, _IPTC_HEADLINE, _IPTC_CAPTION = (2, 5), (2, 25), (2, 105), (2, 120)
_IPTC_PLACE = ((2, 92), (2, 90), (2, 95), (2, 101))  # sublocation, city, state, country
_IPTC_COUNTRY_CODE = (2, 100)
_IPTC_DAY, _IPTC_TIME = (2, 55), (2, 60)
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


@dataclass(frozen=True, slots=True)
class Description:
    """What programs and people wrote into a picture: texts, one per line, and facts."""

    words: str = ""
    facts: Facts = field(default_factory=Facts)


def description_of(picture: Image.Image) -> Description:
    """Return the texts and facts stored in an opened picture, those of EXIF, XMP and IPTC.

    The first that has a fact tells it; names of people and keywords are those of all.
    """
    lines: dict[str, None] = {}
    facts = Facts()
    for read in (_exif, _xmp, _iptc):
        try:
            texts, told = read(picture)
        except Exception:  # noqa: S112 - damaged metadata can raise anything
            continue
        lines.update(dict.fromkeys(filter(None, map(_line, texts))))
        facts = facts.completed(told)
    return Description("\n".join(lines)[:_MOST_CHARACTERS], facts)


def _exif(picture: Image.Image) -> tuple[list[str], Facts]:
    exif = picture.getexif()
    texts = [_decoded(exif.get(_DESCRIPTION))]
    of_windows = {tag: _utf16(exif.get(tag)) for tag in _XP_TEXTS}
    texts += [text.replace(";", ", ") for text in of_windows.values()]
    texts.append(_comment(exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT)))
    facts = Facts(
        keywords=keywords_of(of_windows[_XP_KEYWORDS].split(";")),
        rating=stars(exif.get(_RATING)) or percent(exif.get(_RATING_PERCENT)),
    )
    return texts, facts


def _utf16(value: Any) -> str:
    if isinstance(value, tuple):
        value = bytes(value)
    return value.decode("utf-16-le", "ignore") if isinstance(value, bytes) else ""


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


def _iptc(picture: Image.Image) -> tuple[list[str], Facts]:
    if not isinstance(picture, ImageFile.ImageFile):
        return [], Facts()
    records: dict[Any, Any] = IptcImagePlugin.getiptcinfo(picture) or {}
    utf8 = records.get(_IPTC_CHARSET) == _IPTC_UTF8

    def of(tag: tuple[int, int]) -> list[str]:
        value = records.get(tag)
        values = value if isinstance(value, list) else [value]
        return [
            each.decode("utf-8", "replace") if utf8 else _decoded(each)
            for each in values
            if isinstance(each, bytes)
        ]

    texts = [line for tag in (_IPTC_TITLE, _IPTC_HEADLINE, _IPTC_CAPTION) for line in of(tag)]
    keywords = of(_IPTC_KEYWORDS)
    texts.append(", ".join(dict.fromkeys(keywords)))
    texts.append(", ".join(dict.fromkeys(each for tag in _IPTC_PLACE for each in of(tag))))
    location, city, region, country = (clean(next(iter(of(tag)), "")) for tag in _IPTC_PLACE)
    facts = Facts(
        taken=iso_date(" ".join(next(iter(of(tag)), "") for tag in (_IPTC_DAY, _IPTC_TIME))),
        location=location,
        city=city,
        region=region,
        country=country or clean(next(iter(of(_IPTC_COUNTRY_CODE)), "")),
        keywords=keywords_of(keywords),
    )
    return texts, facts


def _xmp(picture: Image.Image) -> tuple[tuple[str, ...], Facts]:
    told = read_xmp(_packet(picture))
    return told.lines, told.facts


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
