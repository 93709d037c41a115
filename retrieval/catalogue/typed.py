"""Checks the values of a row against the fields of a dataclass.

SQLite keeps any value in any column. A catalogue that was damaged on disk can therefore hold a text
where a number belongs, and what reads it would fail far from here, or answer wrongly.
"""

from __future__ import annotations

import math
import types
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from retrieval.query.fields import NAMES

_LARGEST = {
    "width": 2**31,
    "height": 2**31,
    "size": 2**62,
    "latitude": 90,
    "longitude": 360,
    "rating": 5,
}
"""The greatest absolute values of some fields; others may have any finite value."""

_PATHS = {"path", "root"}
_SHA256 = 32  # bytes

_NEVER_NEGATIVE = {"duration", "width", "height", "size", "id", "image_id", "files", "images"}


def fits(kind: type, row: Sequence[Any]) -> str:
    """Return what is wrong with the first value that does not fit its field; "" if all do."""
    for (name, allowed), value in zip(_fields(kind), row, strict=True):
        if allowed and not _fits(name, value, allowed):
            return f"{shown(value)} stands where {name} should be"
    return ""


def misfits(kind: type, names: Sequence[str], row: Sequence[Any]) -> list[str]:
    """Return the names of the fields, of those given, that do not fit the values in `row`.

    Several names of people or keywords are one text there, as they are stored.
    """
    allowed = dict(_fields(kind))
    return [
        name
        for name, value in zip(names, row, strict=True)
        if not (isinstance(value, str) if name in NAMES else _fits(name, value, allowed[name]))
    ]


def _fits(name: str, value: Any, allowed: tuple[Any, ...]) -> bool:
    kinds = tuple(each for each in allowed if isinstance(each, type))
    if any(not isinstance(each, type) for each in allowed):  # the values of a Literal
        return value in allowed
    if type(value) not in kinds:
        return False
    if isinstance(value, str):
        return name not in _PATHS or "\0" not in value
    if not isinstance(value, int | float):
        return name != "sha256" or not isinstance(value, bytes) or len(value) == _SHA256
    if not math.isfinite(value) or abs(value) > _LARGEST.get(name, math.inf):
        return False
    return value >= 0 or name not in _NEVER_NEGATIVE


@cache
def _fields(kind: type) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return each field with the types, or the values, that it may have; none for any."""
    hints = get_type_hints(kind)
    return tuple((each.name, _allowed(hints[each.name])) for each in fields(kind))


def _allowed(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    parts = get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)
    plain = [part for part in parts if part in (int, float, str, bytes, types.NoneType)]
    if len(plain) != len(parts):
        return ()
    return tuple({*plain, int} if float in plain else plain)


def shown(value: Any) -> str:
    """Return a value for a message, cut short."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
