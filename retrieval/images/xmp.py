"""Safe reading of untrusted XMP packets: texts, keywords, people, places and dates.

The reader keeps only the character data of a few properties. It refuses a document type, which
could declare entities, never fetches anything, and limits the size of a packet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.parsers import expat

from retrieval.images.exif_values import iso_date, written_degrees
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
    f"{_EXIF} DateTimeDigitized",
    f"{_XMP} CreateDate",
)
"""Properties that say when a picture was taken, the best first."""

_LATITUDE, _LONGITUDE = f"{_EXIF} GPSLatitude", f"{_EXIF} GPSLongitude"
_PLACE = (_LATITUDE, f"{_LATITUDE}Ref", _LONGITUDE, f"{_LONGITUDE}Ref")

_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,100}\bencoding\s*=\s*["']
    ((?:iso-?8859|windows|cp|koi8|gb|big|euc|shift|us-ascii)[-_\w]{0,20})["']""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

_PROPERTIES = frozenset(
    (*_SENTENCES, *(name for group in _LISTS for name in group), *_DATES, *_PLACE)
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
    north = next(_degrees(reader, _LATITUDE, "NS", 90), None)
    east = next(_degrees(reader, _LONGITUDE, "EW", 180), None)
    place = (north, east) if north is not None and east is not None else (None, None)
    if place == (0, 0):  # devices without a position write it
        place = (None, None)
    return Facts(taken=next(filter(None, taken), ""), latitude=place[0], longitude=place[1])


def _degrees(reader: _Reader, name: str, letters: str, most: float) -> Iterator[float]:
    """Yield the valid degrees of a property; some programs write the letter beside it."""
    letter = next(iter(reader.of(f"{name}Ref")), "")[:1]
    for written in reader.of(name):
        found = written_degrees(f"{written} {letter}", letters, most) if letter else None
        if found is None:
            found = written_degrees(written, letters, most)
        if found is not None:
            yield round(found, 6) + 0.0  # -0 is 0


def _read(packet: bytes) -> _Reader | None:
    """Return what a packet says, up to its first error; None if it is refused."""
    if len(packet) > MOST_BYTES:
        return None
    reader = _Reader()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(_text(packet).encode(), True)
    except expat.ExpatError:
        return reader
    except _Refused:
        return None
    return reader


def _text(packet: bytes) -> str:
    """Decode a packet and cut off what is around it; control characters become blanks.

    The zeros around the first "<" tell UTF-16 and UTF-32, the XML declaration other encodings.
    Without a valid one it is UTF-8, or Windows-1252 from programs that know no better.
    """
    at = packet.find(b"<")
    after = packet[at + 1 : at + 4]
    width = 4 if after == bytes(3) else 2 if after[:1] == b"\0" else 1
    encodings = ["utf-8", "cp1252"]
    if width > 1:
        encodings = [f"utf-{8 * width}-{'le' if at % width == 0 else 'be'}"]
    elif declared := _DECLARED.match(packet, max(at, 0)):
        encodings.insert(0, declared[1].decode())
    for encoding in encodings:
        try:
            text = packet.decode(encoding)
            break
        except (UnicodeDecodeError, LookupError):
            continue
    else:
        text = packet.decode(encodings[-1], "replace")
    return _NOT_XML.sub(" ", text[text.find("<") : text.rfind(">") + 1])


def _refuse(*_: object) -> None:
    raise _Refused
