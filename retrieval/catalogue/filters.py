"""Filters as SQL: the vectors that a search may return, and lists without a query.

A condition applies to each file of a picture, so `path in 'a' and name ~ 'x'` needs one file that
meets both. Every comparison is 0 or 1, never NULL: for an absent value, both `=` and `!=` are 0,
and `not` makes 0 a 1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import filter_functions
from retrieval.catalogue.albums import AlbumRows
from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.name_filters import KNOWN, name_test
from retrieval.query.fields import FIELDS, Field, Kind
from retrieval.query.names import name_key
from retrieval.query.options import Sort
from retrieval.query.where import matching
from retrieval.query.where.conditions import (
    And,
    Box,
    Comparison,
    Condition,
    Has,
    Near,
    Not,
    OneOf,
    Value,
    is_of_files,
)

_Sql = tuple[str, tuple[Any, ...]]

# Paths below a root have slashes; the root's own path has the system's separator.
_ROOT = "r.path" if os.sep == "/" else f"replace(r.path, '{os.sep}', '/')"
# Fields that are computed; every other field is a column of the same name.
_COMPUTED = {
    "megapixels": "(i.width * i.height / 1e6)",
    "orientation": "(CASE WHEN max(i.width, i.height) >= 2 * min(i.width, i.height) THEN 'panorama'"
    " WHEN i.width > i.height THEN 'landscape'"
    " WHEN i.width < i.height THEN 'portrait' ELSE 'square' END)",
    "kind": "(CASE WHEN i.duration IS NULL THEN 'picture' ELSE 'video' END)",
    # As bytes: names need not be UTF-8, and only bytes reach a Python function unchanged.
    "path": f"CAST(CASE WHEN r.path LIKE '%://' THEN r.path ELSE rtrim({_ROOT}, '/') || '/' END"
    " || f.path AS BLOB)",
    "name": "where_name(CAST(f.path AS BLOB))",
}
_KNOWN = {
    "gps": "i.latitude IS NOT NULL",
    "tag": "EXISTS (SELECT 1 FROM tags t WHERE t.image_id = i.id)",
    "text": "EXISTS (SELECT 1 FROM texts t WHERE t.image_id = i.id AND t.source != 'name')",
    "favourite": "i.sha256 IN (SELECT m.sha256 FROM favourites m)",
    "album": "i.sha256 IN (SELECT p.sha256 FROM album_pictures p)",
    **KNOWN,
}
_WORDS = {
    "tag": "i.id IN (SELECT image_id FROM tags WHERE {})",
    # File names are texts, too; filters use the field `name` for them.
    "text": "i.id IN (SELECT image_id FROM texts WHERE source != 'name' AND {})",
    "album": "i.sha256 IN (SELECT sha256 FROM album_pictures WHERE album_id IN"
    " (SELECT id FROM albums WHERE {}))",
}
_WORD_COLUMNS = {"tag": "label", "text": "text", "album": "name"}
# An album of just that name comes before others that are like it: accents aside, or by a pattern.
_ALBUMS_LIKE = "key = ? OR (NOT EXISTS (SELECT 1 FROM albums WHERE key = ?) AND {})"
_AFTER_DATE = "~"  # sorts after every character that can continue a date

# CROSS JOIN fixes the join order: SQLite reads images in disk order and vectors only of matches.
_VECTORS = (
    " CROSS JOIN vectors v ON v.image_id = i.id AND v.model_id = ? AND v.view = 'whole' WHERE {}"
)
_IMAGES = f" FROM images i{_VECTORS} AND i.orphaned_at IS NULL"
_FILES = (
    " FROM files f CROSS JOIN images i ON i.id = f.image_id CROSS JOIN roots r ON r.id = f.root_id"
    f"{_VECTORS}"
)
_OF_FILES = "(SELECT {} FROM files f WHERE f.image_id = i.id)"
ORDERS = {
    "date": "i.date",
    "date-desc": "i.date DESC",
    "name": _OF_FILES.format(f"min(where_key({_COMPUTED['name']}))"),
    "size": f"{_OF_FILES.format('max(f.size)')} DESC",
}

_READ = ("images", "files", "roots", "tags", "texts", "favourites", "albums", "album_pictures")


class Filters:
    """Finds the pictures that meet a condition."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._albums = AlbumRows(db)
        filter_functions.register(db.raw)

    def ids(self, condition: Condition, model_id: int) -> NDArray[np.int64]:
        """Return the sorted int64 ids of the model's vectors of matching pictures."""
        return np.unique(self._found(condition, model_id, ""))

    def listed(self, condition: Condition, model_id: int, sort: Sort | None) -> NDArray[np.int64]:
        """Return the same ids in the order of `sort`.

        None is the order of the album that the condition asks for, else the newest first.
        """
        order = f" ORDER BY {self.order(condition, sort)}, v.id"
        ids = self._found(condition, model_id, order)
        _, first = np.unique(ids, return_index=True)
        return ids[np.sort(first)]

    def order(self, condition: Condition | None, sort: Sort | None) -> str:
        """Return an order as SQL.

        None is that of the one album that all matching pictures are in; without one, the newest
        picture is first.
        """
        if sort is not None:
            return ORDERS[sort]
        parts = condition.parts if isinstance(condition, And) else (condition,)
        names = {
            part.value
            for part in parts
            if isinstance(part, Comparison) and (part.field, part.operator) == ("album", "=")
        }
        row = self._albums.named(str(names.pop())) if len(names) == 1 else None
        if row is None or row.sort != "hand":
            return ORDERS["date-desc" if row is None else row.sort]
        return (
            "(SELECT p.position FROM album_pictures p"
            f" WHERE p.album_id = {row.id} AND p.sha256 = i.sha256)"
        )

    def lists(
        self, columns: Mapping[str, str], condition: Condition | None, model_id: int, order: str
    ) -> list[list[Any]]:
        """Return columns of `images i` and `vectors v` of the model where a condition holds.

        Each is a list. `columns` has its SQL, by a name for it; `order` is SQL, too. With a
        condition on files, an image comes once for each.

        SQLite gives each list as one JSON value: for many rows, this is faster than a tuple of
        Python for each. LibraryError for a value that JSON cannot hold: no column has one.
        """
        named = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        sql, values = self._select(named, condition, order)
        arrays = ", ".join(f"json_group_array({name})" for name in columns)
        (row,) = self._db.rows(f"SELECT {arrays} FROM ({sql})", (model_id, *values))
        try:
            return [json.loads(array) for array in row]
        except ValueError as error:
            raise self._db.damaged("an infinite number stands in a list of pictures") from error

    def _select(self, columns: str, condition: Condition | None, order: str) -> _Sql:
        source, values = _matches(condition)
        self._db.require_sound(*(table for table in _READ if f" {table} " in source + order))
        return f"SELECT {columns}{source}{order}", values

    def _found(self, condition: Condition, model_id: int, order: str) -> NDArray[np.int64]:
        (ids,) = self.lists({"id": "v.id"}, condition, model_id, order)
        return np.array(ids, np.int64)


def _matches(condition: Condition | None) -> _Sql:
    """Return FROM and WHERE for a condition, or for none, and their parameters."""
    sql, values = ("1", ()) if condition is None else _sql_of(condition)
    source = _FILES if condition is not None and is_of_files(condition) else _IMAGES
    return source.format(sql), values


def _sql_of(condition: Condition) -> _Sql:
    """Return a condition as SQL, and the values of its parameters in order."""
    if isinstance(condition, Comparison):
        return _comparison(condition.field, condition.operator, condition.value)
    if isinstance(condition, OneOf):
        inside = "in" if FIELDS[condition.field].kind == "folder" else "="
        each = [_comparison(condition.field, inside, value) for value in condition.values]
        return _joined(" OR ", each)
    if isinstance(condition, Has):
        return f"({_known(FIELDS[condition.field])})", ()
    if isinstance(condition, Near):
        return _near(condition)
    if isinstance(condition, Box):
        return _box(condition)
    if isinstance(condition, Not):
        sql, values = _sql_of(condition.part)
        return f"(NOT {sql})", values
    joint = " AND " if isinstance(condition, And) else " OR "
    return _joined(joint, [_sql_of(part) for part in condition.parts])


def _joined(joint: str, parts: list[_Sql]) -> _Sql:
    """Join conditions as a balanced tree, because SQLite limits the depth of an expression."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(joint, parts[:middle]), _joined(joint, parts[middle:])
    return f"({left[0]}{joint}{right[0]})", (*left[1], *right[1])


def _comparison(name: str, operator: str, value: Value) -> _Sql:
    field = FIELDS[name]
    if field.kind == "folder":
        return _folder_test(name, operator, str(value))
    if field.kind == "words":
        if name in KNOWN:
            return name_test(name, operator, str(value))
        function = "where_contains" if operator == "~" else "where_equals"
        test = f"{function}({_WORD_COLUMNS[name]}, ?)"
        values: tuple[Any, ...] = (text(str(value)),)
        if (name, operator) == ("album", "="):
            key = name_key(str(value))
            test, values = _ALBUMS_LIKE.format(test), (key, key, *values)
        return f"({_WORDS[name].format(test)})", values
    sql, values = _TESTS[field.kind](column_of(field), operator, value)
    if field.optional and field.kind != "date":
        sql = f"{_known(field)} AND {sql}"
    return f"({sql})", values


def column_of(field: Field) -> str:
    """Return a field's value as SQL over `images i` and `files f`."""
    return _COMPUTED.get(field.name) or f"{'f' if field.of_files else 'i'}.{field.name}"


def _known(field: Field) -> str:
    """Return the SQL that tests whether an optional field has a value."""
    absent = "IS NOT NULL" if field.kind == "number" else "!= ''"
    return _KNOWN.get(field.name) or f"{column_of(field)} {absent}"


def _number_test(column: str, operator: str, value: Value) -> _Sql:
    return f"{column} {operator} ?", (value,)


def _choice_test(column: str, operator: str, value: Value) -> _Sql:
    return f"{column} {operator} CAST(? AS TEXT)", (text(str(value)),)


def _text_test(column: str, operator: str, value: Value, functions: str = "where_") -> _Sql:
    negated = "NOT " if operator == "!=" else ""
    function = functions + ("contains" if operator == "~" else "equals")
    return f"{negated}{function}({column}, ?)", (text(str(value)),)


def _folder_test(field: str, operator: str, value: str) -> _Sql:
    wanted = os.path.expanduser(value).replace(os.sep, "/")
    path = _COMPUTED["path"]
    if operator == "in":
        return f"where_lies_in({path}, ?)", (text(wanted),)
    if field == "folder":
        path, wanted = f"where_folder({path})", wanted.rstrip("/") or "/"
    functions = "where_" if operator == "~" else "where_path_"
    sql, values = _text_test(path, operator, wanted, functions)
    return f"({sql})", values


def _date_test(column: str, operator: str, value: Value) -> _Sql:
    """Return the test for a date, compared at the precision of the value; "" is no date."""
    after, vague = f"{value}{_AFTER_DATE}", matching.vaguer(str(value))
    before = f"{column} != '' AND {column} < ?{f' AND {column} != ?' * len(vague)}"
    return {
        "=": (f"{column} >= ? AND {column} < ?", (value, after)),
        "!=": (f"{column} != '' AND NOT ({column} >= ? AND {column} < ?)", (value, after)),
        "<": (before, (value, *vague)),
        "<=": (before, (after, *vague)),
        ">": (f"{column} >= ?", (after,)),
        ">=": (f"{column} >= ?", (value,)),
    }[operator]


_TESTS: dict[Kind, Callable[[str, str, Value], _Sql]] = {
    "text": _text_test,
    "choice": _choice_test,
    "number": _number_test,
    "date": _date_test,
}


def _near(near: Near) -> _Sql:
    reach = near.km / matching.KM_A_DEGREE + 1e-6  # in degrees of latitude, to limit the exact test
    sql = (
        "(i.latitude IS NOT NULL AND i.latitude BETWEEN ? AND ?"
        " AND where_distance(i.latitude, i.longitude, ?, ?) <= ?)"
    )
    return sql, (near.north - reach, near.north + reach, near.north, near.east, near.km)


def _box(box: Box) -> _Sql:
    joint = "AND" if box.west <= box.east else "OR"
    sql = (
        "(i.latitude IS NOT NULL AND i.latitude BETWEEN ? AND ?"
        f" AND (i.longitude >= ? {joint} i.longitude <= ?))"
    )
    return sql, (box.south, box.north, box.west, box.east)
