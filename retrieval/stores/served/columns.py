"""The payload: what a server's filters compare, in columns that any server can compare exactly.

Servers differ in how they quote texts, fold letters and treat missing values. So the columns are
plain: a number is a float64, and whether it is known is a column of its own. A text is folded as
`query.where.matching` folds it, and then written in ASCII, each other byte as %XX: equal texts are
equal, and a prefix stays a prefix, for any path that a disk can hold. A row that this cannot
express has `plain` = false, one with several files `one_file` = false; filters name the ids of
such rows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal
from urllib.parse import quote_from_bytes

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.served import PAYLOAD_FIELDS, Payload
from retrieval.query.fields import Field
from retrieval.query.where.matching import fold, in_slashes

Value = str | float | bool
ColumnKind = Literal["number", "flag", "text"]

PLAIN, ONE_FILE = "plain", "one_file"
LATITUDE, LONGITUDE = "latitude", "longitude"
FOLDER, INSIDE = "its_folder", "inside"
"""The folder as `folder =` compares it, and as `path in` does."""

LONGEST_TEXT = 16_384
"""The greatest length of a text in a column, in characters."""

_DATE = re.compile(r"[0-9T:-]*", re.ASCII)
_EXACT = 2**53  # whole numbers up to this one are exact as float64
_FORM = 1  # a change here, or of the fields, makes collections anew


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the payload."""

    name: str
    kind: ColumnKind


def column(name: str) -> str:
    """Return the column of a field; servers reserve some words, such as "iso"."""
    return f"its_{name}"


def known(name: str) -> str:
    """Return the column that tells whether an optional field is known."""
    return f"has_{name}"


def _columns_of(field: Field) -> list[Column]:
    kind: ColumnKind = "number" if field.kind == "number" else "text"
    flag = [Column(known(field.name), "flag")] if field.optional else []
    return [*flag, Column(column(field.name), kind)]


COLUMNS: tuple[Column, ...] = (
    Column(PLAIN, "flag"),
    Column(ONE_FILE, "flag"),
    *(own for each in PAYLOAD_FIELDS for own in _columns_of(each)),
    Column(FOLDER, "text"),
    Column(INSIDE, "text"),
    Column(known("gps"), "flag"),
    Column(LATITUDE, "number"),
    Column(LONGITUDE, "number"),
)
"""The columns of the pictures' vectors; those of texts have none."""


def form_of(columns: Sequence[Column]) -> str:
    """Return a name for columns: other columns, or another way to fill them, have another name."""
    written = " ".join(f"{each.name}:{each.kind}" for each in columns)
    return f"{_FORM}-{blake2b(written.encode(), digest_size=6).hexdigest()}"


def written(text: str) -> str:
    """Return a text in ASCII letters, digits and -._~/%: an injection that keeps prefixes."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass")
    return quote_from_bytes(raw, safe="/")


def encoded(payload: Payload) -> dict[str, Value]:
    """Return a payload as the values of `COLUMNS`."""
    row: dict[str, Value] = {PLAIN: True, ONE_FILE: payload.files == 1}
    for field, value in zip(PAYLOAD_FIELDS, payload.values, strict=True):
        if field.kind == "number":
            _put_number(row, column(field.name), value)
        else:
            _put_text(row, field, os.fsdecode(value) if isinstance(value, bytes) else value)
        if field.optional:
            row[known(field.name)] = value is not None if field.kind == "number" else bool(value)
        if field.name == "path":
            _put_folders(row, value)
    row[known("gps")] = payload.latitude is not None
    _put_number(row, LATITUDE, payload.latitude)
    _put_number(row, LONGITUDE, payload.longitude)
    return row


def marks_of(rows: Sequence[object]) -> NDArray[np.int64]:
    """Return a digest (n,) of each of n values: bytes, or what has an exact `repr`."""
    digests = [
        blake2b(row if isinstance(row, bytes) else repr(row).encode(), digest_size=8).digest()
        for row in rows
    ]
    return np.frombuffer(b"".join(digests), "<i8").astype(np.int64)


def _put_number(row: dict[str, Value], name: str, value: Any) -> None:
    numeric = isinstance(value, int | float)
    fits = value is None or (numeric and abs(value) <= _EXACT)
    row[PLAIN] = bool(row[PLAIN]) and fits
    row[name] = float(value) if numeric and fits else 0.0


def _put_text(row: dict[str, Value], field: Field, value: Any) -> None:
    text = value if isinstance(value, str) else ""
    fits = isinstance(value, str) or field.of_files  # no file, no path
    if field.kind == "date":
        fits = fits and _DATE.fullmatch(text) is not None
        text = text if fits else ""
    else:
        text = written(text if field.kind == "choice" else fold(text))
    fits = fits and len(text) <= LONGEST_TEXT
    row[PLAIN] = bool(row[PLAIN]) and fits
    row[column(field.name)] = text[:LONGEST_TEXT]


def _put_folders(row: dict[str, Value], path: Any) -> None:
    raw = path if isinstance(path, bytes) else b""
    folder = os.fsdecode(raw.rpartition(b"/")[0] or b"/")
    for name, text in ((FOLDER, fold(folder)), (INSIDE, in_slashes(folder))):
        value = written(text)
        row[PLAIN] = bool(row[PLAIN]) and len(value) <= LONGEST_TEXT
        row[name] = value[:LONGEST_TEXT]
