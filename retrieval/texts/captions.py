"""Reads captions from a file: JSON lines or a table, each row with a picture's file and caption."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from typing import Any

from retrieval.errors import QueryError
from retrieval.images.plain_text import decoded

_FILE_KEYS = (
    *("file", "file_name", "filename", "image", "path"),
    *("file_path", "filepath", "image_path", "sourcefile"),
)
_TEXT_KEYS = ("captions", "caption", "text", "description")
_SEPARATOR = re.compile(r'"?sep=(.)"?[ \t;,]*', re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,]*")


def read_caption_file(source: str) -> dict[str, tuple[str, ...]]:
    """Return the captions of pictures by absolute path; a picture may have several rows.

    JSON has objects on lines or in an array, `{"file": "a.jpg", "captions": ["…"]}` (or
    "caption": "…"), or one object, `{"a.jpg": "…"}`. A CSV or TSV file names the columns "file" and
    "caption" in its first line; Excel's line `sep=;` may come before. The text is UTF-8, UTF-16 or
    cp1252. Paths are relative to the file's folder, and may have backslashes. A row without a
    caption removes a picture's captions. Raises QueryError, which names the file and the invalid
    line.
    """
    try:
        with open(source, "rb") as opened:
            content = decoded(opened.read())  # Excel writes cp1252 and UTF-16
    except OSError as error:
        raise QueryError(f"{source} cannot be read: {error}", "check the path") from error
    folder = os.path.dirname(os.path.abspath(source))
    rows = _json_rows if content.lstrip()[:1] in ("{", "[") else _table_rows
    found: dict[str, tuple[str, ...]] = {}
    for file, texts in rows(source, content):
        path = _absolute(folder, file)
        lines = (" ".join(text.split()) for text in texts)
        found[path] = tuple(dict.fromkeys((*found.get(path, ()), *filter(None, lines))))
    if not found:
        raise QueryError(f"{source} has no captions", "see pixtrieve captions --help")
    return found


def _absolute(folder: str, file: str) -> str:
    """Return the path of a picture; one that only exists with slashes was written on Windows."""
    path, other = (
        os.path.normpath(os.path.join(folder, os.path.expanduser(name)))
        for name in (file, file.replace("\\", "/"))
    )
    return other if not os.path.lexists(path) and os.path.lexists(other) else path


def _json_rows(source: str, content: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of objects that follow each other, with or without commas and brackets."""
    if content.lstrip().startswith("["):
        content = content.replace("[", " ", 1).rstrip().removesuffix("]")
    decoder, at, line = json.JSONDecoder(), 0, 1
    while True:
        start = _BETWEEN.match(content, at).end()  # type: ignore[union-attr]  # matches anything
        line += content.count("\n", at, start)
        if start == len(content):
            return
        try:
            row, at = decoder.raw_decode(content, start)
        except (ValueError, RecursionError) as error:
            raise _bad_line(source, getattr(error, "lineno", line)) from error
        yield from _json_row(source, line, row)
        line += content.count("\n", start, at)


def _json_row(source: str, number: int, row: object) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(row, dict):
        raise _bad_line(source, number)
    named = {name.strip().lower(): value for name, value in row.items()}
    file, value = _first(named, _FILE_KEYS), _first(named, _TEXT_KEYS)
    pairs = [(file, value)] if file is not None or value is not None else list(row.items())
    for file, value in pairs:
        texts: Any = [value] if isinstance(value, str) else value
        valid = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        if not isinstance(file, str) or not file or not valid:
            raise _bad_line(source, number)
        yield _path(file), [_clean(text) for text in texts]


def _table_rows(source: str, content: str) -> Iterator[tuple[str, list[str]]]:
    head, _, rest = content.partition("\n")
    separator = _SEPARATOR.fullmatch(head.strip("\r"))
    if separator is not None:  # Excel's line for itself
        content = rest
    head = content.replace("\r", "\n").partition("\n")[0]
    delimiter = max("\t;,", key=head.count) if separator is None else separator[1]
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    try:
        columns = next(rows, [])
        names = {name.strip().lower(): at for at, name in enumerate(columns)}
        at_file, at_text = _first(names, _FILE_KEYS), _first(names, _TEXT_KEYS)
        if at_file is None or at_text is None:
            raise QueryError(
                f"{source} has no columns for the file and its caption",
                'start it with a line like: file,caption (or use JSON lines like {"file": …})',
            )
        for row in rows:
            if not any(row):
                continue
            if any(row[len(columns) :]):
                if at_text != len(columns) - 1:
                    raise _bad_line(source, rows.line_num)
                row[at_text:] = [delimiter.join(row[at_text:])]  # a comma without quotes
            if len(row) <= at_file or not row[at_file]:
                raise _bad_line(source, rows.line_num)
            yield _path(row[at_file]), [_clean(text) for text in row[at_text : at_text + 1]]
    except csv.Error as error:
        raise _bad_line(source, rows.line_num) from error


def _first(row: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((row[key] for key in keys if key in row), None)


def _clean(text: str) -> str:
    """Return a text without lone surrogates, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _path(file: str) -> str:
    """Return a path that the system accepts: no NUL, and no surrogates except escaped bytes."""
    file = file.replace("\0", "")
    try:
        os.fsencode(file)
    except UnicodeEncodeError:
        return _clean(file)
    return file


def _bad_line(source: str, number: int) -> QueryError:
    return QueryError(
        f"{source}, line {number}: not a picture with captions",
        'write lines like {"file": "a.jpg", "captions": ["a dog on a beach"]}, or a table with the '
        "columns file,caption and lines like a.jpg,a dog on a beach",
    )
