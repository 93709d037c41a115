"""Filters as tests of payload columns, where these give exactly the answer of SQL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from retrieval.catalogue.connection import text as as_bytes
from retrieval.query.fields import FIELDS
from retrieval.query.where.conditions import (
    And,
    Box,
    Comparison,
    Condition,
    Has,
    Near,
    Not,
    OneOf,
    is_of_files,
    plain,
)
from retrieval.query.where.matching import fold, parent_names, path_pattern, vaguer
from retrieval.stores.served.columns import (
    INSIDE,
    LATITUDE,
    LONGITUDE,
    ONE_FILE,
    PLAIN,
    Value,
    column,
    known,
    written,
)

Operator = Literal["=", "!=", "<", "<=", ">", ">="]

_AFTER_DATE = "~"  # as in `catalogue.filters`: sorts after every character of a date


@dataclass(frozen=True, slots=True)
class Compare:
    """A column, an operator and a value of the column's kind; `id` is a column, too."""

    column: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class OneOfIds:
    """The row has one of several ids."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class All:
    """All of one or more tests are passed."""

    parts: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of one or more tests is passed."""

    parts: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Fails:
    """A test is not passed."""

    part: Test


Test = Compare | OneOfIds | All | Any | Fails

ALWAYS = Compare("id", ">=", 0)
ODD = Fails(Compare(PLAIN, "=", value=True))
"""The rows of which the payload does not say everything."""
SEVERAL = Fails(Compare(ONE_FILE, "=", value=True))
"""The rows with another number of files than one: their payload is that of one of them."""


class _InexpressibleError(Exception):
    """A condition that columns cannot answer."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A filter as a test; `of_files` if it holds for rows with one file only."""

    test: Test
    of_files: bool

    @property
    def uncovered(self) -> Test:
        """The test for the rows that `test` does not decide rightly."""
        return Any((ODD, SEVERAL)) if self.of_files else ODD


def compiled(condition: Condition) -> Compiled | None:
    """Return a filter as a test of columns; None if that would not always give SQL's answer.

    That holds for rows that are not `ODD`, and with `of_files` not `SEVERAL`. Not expressible are
    labels, texts and distances, `~`, patterns except a last *, and relative paths.
    """
    try:
        test = _test(condition)
    except _InexpressibleError:
        return None
    return Compiled(test, is_of_files(condition))


def rendered(test: Test, *, equal: str, brackets: str) -> str:
    """Return a test as text: `equal` is the operator, `brackets` enclose a list."""
    if isinstance(test, Compare):
        operator = equal if test.operator == "=" else test.operator
        return f"{test.column} {operator} {_literal(test.value)}"
    if isinstance(test, OneOfIds):
        if not test.ids:
            return "id < 0"
        return f"id in {brackets[0]}{','.join(map(str, test.ids))}{brackets[1]}"
    if isinstance(test, Fails):
        return f"not ({rendered(test.part, equal=equal, brackets=brackets)})"
    joint = " and " if isinstance(test, All) else " or "
    parts = [rendered(part, equal=equal, brackets=brackets) for part in test.parts]
    return _joined(joint, parts)


def _joined(joint: str, parts: list[str]) -> str:
    """Join parts as a balanced tree: the depth of an expression is limited."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_joined(joint, parts[:middle])}{joint}{_joined(joint, parts[middle:])})"


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"  # `written` leaves no quote and no backslash
    if isinstance(value, int):
        return str(value)
    digits = plain(value)
    return digits if "." in digits else f"{digits}.0"


def _test(condition: Condition) -> Test:
    if isinstance(condition, Comparison):
        return _comparison(condition.field, condition.operator, condition.value)
    if isinstance(condition, OneOf):
        inside = "in" if FIELDS[condition.field].kind == "folder" else "="
        return Any(tuple(_comparison(condition.field, inside, each) for each in condition.values))
    if isinstance(condition, Has):
        if FIELDS[condition.field].kind in ("words", "flag"):
            raise _InexpressibleError
        return Compare(known(condition.field), "=", value=True)
    if isinstance(condition, Box):
        return _box(condition)
    if isinstance(condition, Not):
        return Fails(_test(condition.part))
    if isinstance(condition, Near):
        raise _InexpressibleError
    parts = tuple(map(_test, condition.parts))
    return All(parts) if isinstance(condition, And) else Any(parts)


def _comparison(name: str, operator: str, value: str | float) -> Test:
    field = FIELDS[name]
    if field.kind == "number":
        test: Test = Compare(column(name), _operator(operator), float(value))
    elif field.kind == "date":
        return _date(column(name), operator, str(value))
    elif field.kind == "choice":
        test = Compare(column(name), _operator(operator), written(_as_stored(str(value))))
    elif field.kind == "text":
        test = _text(column(name), operator, _as_stored(str(value)))
    elif field.kind == "folder":
        return _folder(name, operator, str(value))
    else:
        raise _InexpressibleError
    return All((Compare(known(name), "=", value=True), test)) if field.optional else test


def _operator(operator: str) -> Operator:
    for each in ("=", "!=", "<", "<=", ">", ">="):
        if each == operator:
            return each
    raise _InexpressibleError


def _as_stored(value: str) -> str:
    """Return a value as SQL gives it to the comparisons: bytes that are UTF-8 are characters."""
    return as_bytes(value).decode("utf-8", "surrogateescape")


def _text(name: str, operator: str, pattern: str) -> Test:
    """Return the test for a text that equals a pattern, or does not."""
    if operator not in ("=", "!="):
        raise _InexpressibleError
    folded = fold(pattern)
    begin = folded.removesuffix("*")
    if "*" in begin or "?" in begin:
        raise _InexpressibleError
    if begin == folded:
        return Compare(name, "=" if operator == "=" else "!=", written(folded))
    test = _begins(name, begin)
    return test if operator == "=" else Fails(test)


def _begins(name: str, begin: str) -> Test:
    """Return the test for texts with a beginning: a range, because servers differ in LIKE."""
    least = written(begin)
    if not least:
        return ALWAYS
    return All((Compare(name, ">=", least), Compare(name, "<", _past(least))))


def _past(least: str) -> str:
    """Return what sorts after all texts that begin with `least`; all characters are ASCII."""
    return least[:-1] + chr(ord(least[-1]) + 1)


def _folder(name: str, operator: str, value: str) -> Test:
    wanted = _as_stored(os.path.expanduser(value).replace(os.sep, "/"))
    if operator == "in":
        names, fixed = parent_names(wanted)
        if not fixed:
            raise _InexpressibleError
        return _begins(INSIDE, names)
    if name == "folder":
        wanted = wanted.rstrip("/") or "/"
    if operator == "~":
        raise _InexpressibleError
    return _text(column(name), operator, path_pattern(wanted))


def _date(name: str, operator: str, value: str) -> Test:
    after = f"{value}{_AFTER_DATE}"
    dated = Compare(name, "!=", "")
    early = (dated, *(Compare(name, "!=", each) for each in vaguer(value)))
    same = All((Compare(name, ">=", value), Compare(name, "<", after)))
    tests: dict[str, Test] = {
        "=": same,
        "!=": All((dated, Fails(same))),
        "<": All((*early, Compare(name, "<", value))),
        "<=": All((*early, Compare(name, "<", after))),
        ">": Compare(name, ">=", after),
        ">=": Compare(name, ">=", value),
    }
    return tests[operator]


def _box(box: Box) -> Test:
    edges = (Compare(LONGITUDE, ">=", box.west), Compare(LONGITUDE, "<=", box.east))
    return All(
        (
            Compare(known("gps"), "=", value=True),
            Compare(LATITUDE, ">=", box.south),
            Compare(LATITUDE, "<=", box.north),
            All(edges) if box.west <= box.east else Any(edges),
        )
    )
