"""Decodes texts of unknown encoding: files beside pictures, captions, lists of labels."""

from __future__ import annotations

import codecs

_MAX_CONTROL_SHARE = 0.02
"""Data with a larger share of control characters is not text."""


def text_of(data: bytes) -> str:
    """Decode a text file of unknown encoding, line by line; "" when it is not text."""
    text = decoded(data)
    control = sum(not (c.isprintable() or c.isspace()) for c in text)
    if "\0" in text or control > _MAX_CONTROL_SHARE * len(text):
        return ""
    lines = (
        " ".join("".join(c if c.isprintable() else " " for c in line).split())
        for line in text.splitlines()
    )
    return "\n".join(dict.fromkeys(filter(None, lines)))


def decoded(data: bytes) -> str:
    """Decode text by its mark, else as UTF-16 if it looks so.

    Else each line is UTF-8 or, if it is not valid, cp1252: programs append to each other's files.
    """
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    # No byte order mark: in UTF-16, half of the bytes of Latin letters are zero.
    odd, even = data[1::2].count(0), data[0::2].count(0)
    if max(odd, even) > len(data) // 5:
        return data.decode("utf-16-le" if odd > even else "utf-16-be", "replace")
    lines = data.removeprefix(codecs.BOM_UTF8).splitlines(keepends=True)
    return "".join(map(_decoded_line, lines))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
