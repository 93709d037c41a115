"""Safe reading of untrusted XMP packets: texts, keywords, people, places and dates.

The reader keeps only the character data of a few properties (`xmp_properties`). It refuses a
document type, which could declare entities, never fetches anything, and limits the size of a
packet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from retrieval.images.exif_values import clean, iso_date, utc_date, written_degrees
from retrieval.images.names_told import keywords_of, people_of, percent, stars
from retrieval.images.xmp_properties import (
    ACDSEE_RATING,
    CHILDREN,
    DARKTABLE_COLOURS,
    DARKTABLE_LABELS,
    DATES,
    DIGIKAM_COLOURS,
    DIGIKAM_LABEL,
    GPS_DATE,
    HIERARCHIES,
    KEYWORD,
    KEYWORDS,
    LABEL,
    LATITUDE,
    LISTS,
    LONGITUDE,
    PEOPLE,
    PLACES,
    PROPERTIES,
    RATING,
    RATING_PERCENT,
    REGION_NAMES,
    REGION_TYPES,
    SENTENCES,
)
from retrieval.query.fields import Facts

MOST_BYTES = 4 * 2**20

_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,100}\bencoding\s*=\s*["']
    ((?:iso-?8859|windows|cp|koi8|gb|big|euc|shift|us-ascii)[-_\w]{0,20})["']""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

_LI = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"
_MOST_LINES = 1000
_FACES = ("", "face", "pet")
_DIGITS = tuple("0123456789")


class _Refused(Exception):
    """The packet has a document type or too many texts."""


@dataclass(frozen=True, slots=True)
class XmpTold:
    """What a packet says: titles and descriptions, keywords, people, places, each on a line."""

    lines: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)


class _Reader:
    """Collects the texts of `PROPERTIES`, by property, and the names that structures hold."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {name: [] for name in PROPERTIES}
        self._count = 0
        self._property = ""
        self._text: list[str] = []
        self._items: list[dict[str, str]] = [{}]  # name and type of a region, by item of a list
        self._levels = [""]
        self.faces: list[str] = []
        self.paths: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _LI and not self._property:
            self._items.append({})
        elif name == CHILDREN:
            self._levels.append("")
        for known in PROPERTIES & attributes.keys():  # the short form of a plain text property
            self._add(known, attributes[known])
        if name in PROPERTIES:
            self._property = name
        self._text = []

    def end(self, name: str) -> None:
        if self._property and name in (_LI, self._property):
            self._add(self._property, "".join(self._text))
            self._text = []
        if name == self._property:
            self._property = ""
        elif name == _LI and not self._property:
            self.leave()
        elif name == CHILDREN:
            del self._levels[-1]

    def text(self, data: str) -> None:
        if self._property:
            self._text.append(data)

    def leave(self) -> None:
        """End an item of a list: its name is that of a person if it is the region of a face."""
        item = self._items.pop()
        if "name" in item and item.get("type", "").lower() in _FACES:
            self.faces.append(item["name"])

    def of(self, name: str) -> Iterable[str]:
        """Yield the texts of a property, each as one line."""
        separator = HIERARCHIES.get(name)
        for line in self._lines[name]:
            for part in line.split(separator) if separator else (line,):
                yield " ".join(part.split())

    def first(self, *names: str) -> str:
        """Return the first text of the first property that has one."""
        return next((line for name in names for line in self.of(name) if line), "")

    def written(self, name: str) -> list[str]:
        """Return the texts of a property, keywords with what separates their levels."""
        separator = HIERARCHIES.get(name)
        return [line.replace(separator, "|") if separator else line for line in self._lines[name]]

    def _add(self, name: str, line: str) -> None:
        self._lines[name].append(line)
        self._count += 1
        if self._count > _MOST_LINES:
            raise _Refused
        if name in REGION_NAMES:
            self._items[-1]["name"] = line
        elif name in REGION_TYPES:
            self._items[-1]["type"] = line.strip()
        elif name == KEYWORD and line.strip():
            self._levels[-1] = " ".join(line.split())
            self.paths.append("|".join(filter(None, self._levels)))


def read_xmp(packet: bytes) -> XmpTold:
    """Return what a packet says; nothing for invalid XMP."""
    reader = _read(packet)
    return XmpTold() if reader is None else XmpTold(_lines_of(reader), _facts_of(reader))


def _lines_of(reader: _Reader) -> tuple[str, ...]:
    lines = [line for name in SENTENCES for line in reader.of(name)]
    for group in LISTS:
        words = (word for name in group for word in reader.of(name))
        lines.append(", ".join(dict.fromkeys(filter(None, words))))
    return tuple(dict.fromkeys(filter(None, lines)))


def _facts_of(reader: _Reader) -> Facts:
    taken = (iso_date(written) for name in DATES for written in reader.of(name))
    north = next(_degrees(reader, LATITUDE, "NS", 90), None)
    east = next(_degrees(reader, LONGITUDE, "EW", 180), None)
    place = (north, east) if north is not None and east is not None else (None, None)
    if place == (0, 0):  # devices without a position write it
        place = (None, None)
    keywords = [line for name in KEYWORDS if name != KEYWORD for line in reader.written(name)]
    people = [*reader.faces, *(line for name in PEOPLE for line in reader.of(name))]
    named: dict[str, Any] = {name: clean(reader.first(*of)) for name, of in PLACES.items()}
    return Facts(
        taken=next(filter(None, taken), "") or utc_date(reader.first(GPS_DATE)),
        latitude=place[0],
        longitude=place[1],
        **named,
        people=people_of(people),
        keywords=keywords_of([*keywords, *reader.paths]),
        rating=stars(reader.first(RATING, ACDSEE_RATING)) or percent(reader.first(RATING_PERCENT)),
        colour_label=_colour_of(reader),
    )


def _colour_of(reader: _Reader) -> str:
    numbers = (
        (reader.first(DIGIKAM_LABEL), DIGIKAM_COLOURS),
        (reader.first(DARKTABLE_LABELS), DARKTABLE_COLOURS),
    )
    named = [colours[int(n)] for n, colours in numbers if n in _DIGITS and int(n) < len(colours)]
    return clean(reader.first(LABEL)) or next(filter(None, named), "")


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
    if not packet or len(packet) > MOST_BYTES:
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
        pass
    except _Refused:
        return None
    reader.leave()
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
