"""Reads captions from a file: JSON lines or a table, each row with a picture's file and caption."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from retrieval.errors import QueryError
from retrieval.texts.sidecars import decoded

_FILE_KEYS = ("file", "file_name", "filename", "image", "path")
_TEXT_KEYS = ("captions", "caption", "text", "description")


def read_caption_file(source: str) -> dict[str, tuple[str, ...]]:
    """Return the captions of pictures by absolute path; a picture may have several rows.

    JSON lines, or the objects of a JSON array, have `{"file": "a.jpg", "captions": ["…"]}` (or
    "caption": "…"). A CSV or TSV file names the columns "file" and "caption" in its first line;
    Excel's line `sep=;` may come before. The text is UTF-8, UTF-16 or cp1252. Paths are relative
    to the file's folder. A row without a caption removes a picture's captions. Raises QueryError,
    which names the file and the invalid line.
    """
    try:
        with open(source, "rb") as opened:
            content = decoded(opened.read())  # Excel writes cp1252 and UTF-16
    except OSError as error:
        raise QueryError(f"{source} cannot be read: {error}", "check the path") from error
    folder = os.path.dirname(os.path.abspath(source))
    start = content.lstrip()[:1]
    rows = {"{": _json_rows, "[": _array_rows}.get(start, _table_rows)
    found: dict[str, tuple[str, ...]] = {}
    for file, texts in rows(source, content):
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(file)))
        lines = (" ".join(text.split()) for text in texts)
        found[path] = tuple(dict.fromkeys((*found.get(path, ()), *filter(None, lines))))
    if not found:
        raise QueryError(f"{source} has no captions", "see pixtrieve captions --help")
    return found


def _json_rows(source: str, content: str) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _bad_line(source, number) from error
        yield _json_row(source, number, row)


def _array_rows(source: str, content: str) -> Iterator[tuple[str, list[str]]]:
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _bad_line(source, getattr(error, "lineno", 1)) from error
    for number, row in enumerate(rows, 1):
        yield _json_row(source, number, row)


def _json_row(source: str, number: int, row: object) -> tuple[str, list[str]]:
    file = _first(row, _FILE_KEYS) if isinstance(row, dict) else None
    value = _first(row, _TEXT_KEYS) if isinstance(row, dict) else None
    texts: Any = [value] if isinstance(value, str) else value
    valid = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    if not isinstance(file, str) or not file or not valid:
        raise _bad_line(source, number)
    return _path(file), [_clean(text) for text in texts]


def _table_rows(source: str, content: str) -> Iterator[tuple[str, list[str]]]:
    head = content.split("\n", 1)[0]
    if head.lower().startswith("sep="):  # Excel's line for itself
        content = content.partition("\n")[2]
        head = content.split("\n", 1)[0]
    delimiter = max("\t;,", key=head.count)
    rows = csv.DictReader(io.StringIO(content), delimiter=delimiter)
    try:
        columns: Sequence[str] = rows.fieldnames or ()
        names = {name.strip().lower(): name for name in columns if name}
        file_column, text_column = _first(names, _FILE_KEYS), _first(names, _TEXT_KEYS)
        if file_column is None or text_column is None:
            raise QueryError(
                f"{source} has no columns for the file and its caption",
                'start it with a line like: file,caption (or use JSON lines like {"file": …})',
            )
        for row in rows:
            file, text = row[file_column], row[text_column]
            if not file:
                raise _bad_line(source, rows.line_num)
            yield _path(file), [_clean(text or "")]
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
