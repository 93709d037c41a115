"""What an XMP packet says of a picture, read without trusting it.

Only character data of a few properties is kept. A document type, which is where entities could be
declared, is refused; nothing is ever fetched; and what a packet may hold is limited.
"""

from __future__ import annotations

from xml.parsers import expat

MOST_BYTES = 4 * 2**20

_DC = "http://purl.org/dc/elements/1.1/"
_TOLD = (f"{_DC} title", f"{_DC} description", f"{_DC} subject")
_LI = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"
_MOST_LINES = 1000


class _Refused(Exception):
    """The packet holds what no XMP needs."""


class _Reader:
    """Collects the texts of the properties that are told, by property."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {name: [] for name in _TOLD}
        self._property = ""
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        for told in _TOLD:
            if told in attributes:  # the short form of a property that is a plain text
                self.lines[told].append(attributes[told])
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
    """Return title, descriptions and keywords, keywords as one line; () for what is no XMP."""
    if len(packet) > MOST_BYTES:
        return ()
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(packet.strip(b"\0 \t\r\n"), True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return ()
    title, description, subject = ([" ".join(t.split()) for t in reader.lines[n]] for n in _TOLD)
    keywords = ", ".join(dict.fromkeys(filter(None, subject)))
    return tuple(dict.fromkeys(filter(None, [*title, *description, keywords])))


def _refuse(*_: object) -> None:
    raise _Refused
