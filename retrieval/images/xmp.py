"""Safe reading of untrusted XMP packets: texts, keywords, people, places and dates.

The reader keeps only the character data of a few properties. It refuses a document type, which
could declare entities, never fetches anything, and limits the size of a packet.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from xml.parsers import expat

from retrieval.images.exif_values import iso_date
from retrieval.query.fields import Facts

MOST_BYTES = 4 * 2**20

_DC = "http://purl.org/dc/elements/1.1/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
_IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
_KEYWORDS = "http://www.metadataworkinggroup.com/schemas/keywords/"
_DIGIKAM = "http://www.digikam.org/ns/1.0/"
_MICROSOFT = "http://ns.microsoft.com/photo/1.0/"
_MICROSOFT_REGION = "http://ns.microsoft.com/photo/1.2/t/Region#"
_MEDIAPRO = "http://ns.iview-multimedia.com/mediapro/1.0/"
_ACDSEE = "http://ns.acdsee.com/iptc/1.0/"

_SENTENCES = (
    f"{_DC} title",
    f"{_PHOTOSHOP} Headline",
    f"{_DC} description",
    f"{_TIFF} ImageDescription",
    f"{_EXIF} UserComment",
    f"{_IPTC_CORE} AltTextAccessibility",
    f"{_IPTC_CORE} ExtDescrAccessibility",
    f"{_ACDSEE} caption",
    f"{_ACDSEE} notes",
)
"""Properties of which each value is a text of its own."""

_LISTS = (
    (
        f"{_DC} subject",
        f"{_LIGHTROOM} hierarchicalSubject",
        f"{_DIGIKAM} TagsList",
        f"{_KEYWORDS} Keyword",
        f"{_MICROSOFT} LastKeywordXMP",
        f"{_MICROSOFT} LastKeywordIPTC",
        f"{_MEDIAPRO} CatalogSets",
        f"{_PHOTOSHOP} SupplementalCategories",
        f"{_ACDSEE} keywords",
    ),
    (
        f"{_IPTC_EXT} PersonInImage",
        f"{_IPTC_EXT} PersonName",
        f"{_REGIONS} Name",
        f"{_MICROSOFT_REGION} PersonDisplayName",
        f"{_MEDIAPRO} People",
    ),
    (
        f"{_IPTC_EXT} LocationName",
        f"{_IPTC_EXT} Sublocation",
        f"{_IPTC_CORE} Location",
        f"{_MEDIAPRO} Location",
        f"{_IPTC_EXT} City",
        f"{_PHOTOSHOP} City",
        f"{_IPTC_EXT} ProvinceState",
        f"{_PHOTOSHOP} State",
        f"{_IPTC_EXT} CountryName",
        f"{_PHOTOSHOP} Country",
        f"{_IPTC_EXT} Event",
        f"{_MEDIAPRO} Event",
    ),
)
"""Properties whose values are short; those of one group are joined: keywords, people, places."""

_HIERARCHIES = {
    f"{_LIGHTROOM} hierarchicalSubject": "|",
    f"{_MEDIAPRO} CatalogSets": "|",
    f"{_DIGIKAM} TagsList": "/",
    f"{_MICROSOFT} LastKeywordXMP": "/",
    f"{_MICROSOFT} LastKeywordIPTC": "/",
}
"""Properties whose values are paths of keywords, with what separates them."""

_DATES = (
    f"{_EXIF} DateTimeOriginal",
    f"{_PHOTOSHOP} DateCreated",
    f"{_IPTC_EXT} DateCreated",
    f"{_XMP} CreateDate",
)
"""Properties that say when a picture was taken, the best first."""

_LATITUDE, _LONGITUDE = f"{_EXIF} GPSLatitude", f"{_EXIF} GPSLongitude"
_DEGREES = re.compile(r"(\d{1,3})(?:,(\d{1,2}))?(?:,(\d{1,2}))?(\.\d{1,20})?\s*([NSEW])", re.ASCII)

_PROPERTIES = frozenset(
    (*_SENTENCES, *(name for group in _LISTS for name in group), *_DATES, _LATITUDE, _LONGITUDE)
)
_LI = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"
_MOST_LINES = 1000


class _Refused(Exception):
    """The packet has a document type or too many texts."""


class _Reader:
    """Collects the texts of `_PROPERTIES`, by property."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {name: [] for name in _PROPERTIES}
        self._count = 0
        self._property = ""
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        for known in _PROPERTIES & attributes.keys():  # the short form of a plain text property
            self._add(known, attributes[known])
        if name in _PROPERTIES:
            self._property = name
        self._text = []

    def end(self, name: str) -> None:
        if self._property and name in (_LI, self._property):
            self._add(self._property, "".join(self._text))
            self._text = []
        if name == self._property:
            self._property = ""

    def text(self, data: str) -> None:
        if self._property:
            self._text.append(data)

    def of(self, name: str) -> Iterable[str]:
        """Yield the texts of a property, each as one line."""
        separator = _HIERARCHIES.get(name)
        for line in self._lines[name]:
            for part in line.split(separator) if separator else (line,):
                yield " ".join(part.split())

    def _add(self, name: str, line: str) -> None:
        self._lines[name].append(line)
        self._count += 1
        if self._count > _MOST_LINES:
            raise _Refused


def read_xmp(packet: bytes) -> tuple[str, ...]:
    """Return titles and descriptions, then keywords, people and places as one line each.

    () for invalid XMP.
    """
    reader = _read(packet)
    if reader is None:
        return ()
    lines = [line for name in _SENTENCES for line in reader.of(name)]
    for group in _LISTS:
        words = (word for name in group for word in reader.of(name))
        lines.append(", ".join(dict.fromkeys(filter(None, words))))
    return tuple(dict.fromkeys(filter(None, lines)))


def xmp_facts(packet: bytes) -> Facts:
    """Return the date on which a picture was taken and its place, as far as XMP says so."""
    reader = _read(packet)
    if reader is None:
        return Facts()
    taken = (iso_date(written) for name in _DATES for written in reader.of(name))
    north, east = (
        next((_degrees(written, most) for written in reader.of(name)), None)
        for name, most in ((_LATITUDE, 90), (_LONGITUDE, 180))
    )
    place = (north, east) if north is not None and east is not None else (None, None)
    return Facts(taken=next(filter(None, taken), ""), latitude=place[0], longitude=place[1])


def _degrees(written: str, most: int) -> float | None:
    """Return degrees, north and east positive, of "48,51.49N" or "48,51,29N"; None if not valid."""
    match = _DEGREES.fullmatch(written)
    if match is None or (match[5] in "NS") != (most == 90):
        return None
    parts = [float(part) for part in match.group(1, 2, 3) if part]
    parts[-1] += float(match[4] or 0)
    value = sum(part / 60.0**place for place, part in enumerate(parts))
    if value > most or any(part >= 60 for part in parts[1:]):
        return None
    return round(-value if match[5] in "SW" else value, 6) + 0.0  # -0 is 0


def _read(packet: bytes) -> _Reader | None:
    if len(packet) > MOST_BYTES:
        return None
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(_stripped(packet), True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return None
    return reader


def _stripped(packet: bytes) -> bytes:
    """Return a packet without blanks around it; in UTF-16, a blank is two bytes."""
    for mark, encoding in (
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if packet.startswith(mark):
            text = packet.decode(encoding).strip("\0 \t\r\n")
            return text.encode("utf-16")  # with a mark, as the declaration requires
    return packet.strip(b"\0 \t\r\n")


def _refuse(*_: object) -> None:
    raise _Refused
