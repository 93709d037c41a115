"""Safe reading of untrusted XMP packets: title, descriptions and keywords.

The reader keeps only the character data of a few properties. It refuses a document type, which
could declare entities, never fetches anything, and limits the size of a packet.
"""

from __future__ import annotations

import codecs
from xml.parsers import expat

MOST_BYTES = 4 * 2**20

_DC = "http://purl.org/dc/elements/1.1/"
_PROPERTIES = (f"{_DC} title", f"{_DC} description", f"{_DC} subject")
_LI = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"
_MOST_LINES = 1000


class _Refused(Exception):
    """The packet has a document type or too many texts."""


class _Reader:
    """Collects the texts of `_PROPERTIES`, by property."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {name: [] for name in _PROPERTIES}
        self._property = ""
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        for known in _PROPERTIES:
            if known in attributes:  # the short form of a plain text property
                self.lines[known].append(attributes[known])
        if name in self.lines:
            self._property = name
        self._text = []

    def end(self, name: str) -> None:
        if self._property and name in (_LI, self._property):
            self.lines[self._property].append("".join(self._text))
            self._text = []
        if name == self._property:
            self._property = ""
        if sum(map(len, self.lines.values())) > _MOST_LINES:
            raise _Refused

    def text(self, data: str) -> None:
        if self._property:
            self._text.append(data)


def read_xmp(packet: bytes) -> tuple[str, ...]:
    """Return title, descriptions and, as one line, keywords; () for invalid XMP."""
    if len(packet) > MOST_BYTES:
        return ()
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(_stripped(packet), True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return ()
    title, description, subject = (
        [" ".join(line.split()) for line in reader.lines[name]] for name in _PROPERTIES
    )
    keywords = ", ".join(dict.fromkeys(filter(None, subject)))
    return tuple(dict.fromkeys(filter(None, [*title, *description, keywords])))


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
