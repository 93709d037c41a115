"""The SQL functions of filters: comparisons of names and texts as people read them, and distances.

Values come as bytes where names need not be UTF-8: only bytes reach a Python function unchanged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from retrieval.catalogue.connection import text
from retrieval.images.gazetteer.names import code_of
from retrieval.query.where import matching


def register(db: sqlite3.Connection) -> None:
    """Give a connection the functions that `filters` calls."""
    for name, arguments, function in (
        ("where_equals", 2, _on_texts(matching.equals)),
        ("where_contains", 2, _on_texts(matching.contains)),
        ("where_line_equals", 2, _on_lines(matching.equals)),
        ("where_line_contains", 2, _on_lines(matching.contains)),
        ("where_level_equals", 2, _on_lines(matching.level_equals)),
        ("where_level_contains", 2, _on_lines(matching.contains)),
        ("where_country", 1, _country),
        ("where_folded", 1, lambda value: matching.fold(_text(value))),
        ("where_path_equals", 2, _on_texts(matching.path_equals)),
        ("where_lies_in", 2, lambda path, w: matching.lies_in(_text(_folder(path)), _text(w))),
        ("where_folder", 1, _folder),
        ("where_name", 1, _name),
        ("where_key", 1, _key),
        ("where_distance", 4, matching.distance_km),
    ):
        db.create_function(name, arguments, function, deterministic=True)


def _on_texts(test: Callable[[str, str], bool]) -> Callable[[bytes | str, bytes], bool]:
    return lambda value, wanted: test(_text(value), _text(wanted))


def _on_lines(test: Callable[[str, str], bool]) -> Callable[[bytes | str, bytes], bool]:
    def passes(value: bytes | str, wanted: bytes) -> bool:
        pattern = _text(wanted)
        return any(test(line, pattern) for line in _text(value).split("\n") if line)

    return passes


def _country(written: bytes | str) -> str:
    return code_of(_text(written)) if written else ""


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")


def _folder(path: bytes) -> bytes:
    return path.rpartition(b"/")[0] or b"/"


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


def _key(name: bytes) -> bytes:
    return text(matching.fold(_text(name)))
