"""Conditions on a picture: frozen values, whose `str` is the written form."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from retrieval.query.fields import FIELDS

Value = str | float
"""A text; a number in the field's base unit; a date of any precision ("2023-05")."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field, an operator of its kind (except "in" and "near"), and a value."""

    field: str
    operator: str
    value: Value

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {_written(self.field, self.value)}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field has one of several values, or is in one of several folders."""

    field: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        values = ", ".join(_written(self.field, value) for value in self.values)
        return f"{self.field} in ({values})"


@dataclass(frozen=True, slots=True)
class Has:
    """The field, one of `fields.OPTIONAL`, is known; a flag is set."""

    field: str

    def __str__(self) -> str:
        return self.field if FIELDS[self.field].kind == "flag" else f"has {self.field}"


@dataclass(frozen=True, slots=True)
class Near:
    """Taken within a great-circle distance of a place, which is in degrees."""

    north: float
    east: float
    km: float

    def __str__(self) -> str:
        return f"gps near {plain(self.north)},{plain(self.east)} within {plain(self.km)} km"


@dataclass(frozen=True, slots=True)
class Box:
    """Taken within edges in degrees, which are included; crosses 180° if west > east."""

    south: float
    west: float
    north: float
    east: float

    def __str__(self) -> str:
        edges = (self.south, self.west, self.north, self.east)
        return "gps in " + ",".join(plain(edge) for edge in edges)


@dataclass(frozen=True, slots=True)
class Not:
    """The other condition is false."""

    part: Condition

    def __str__(self) -> str:
        return f"not {_enclosed(self.part)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more conditions are true."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(_enclosed(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of two or more conditions is true."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(_enclosed(part) for part in self.parts)


Condition = Comparison | OneOf | Has | Near | Box | Not | And | Or


def is_of_files(condition: Condition) -> bool:
    """Tell whether a condition has a field of the file, not of its content."""
    if isinstance(condition, Comparison | OneOf):
        return FIELDS[condition.field].of_files
    if isinstance(condition, And | Or):
        return any(map(is_of_files, condition.parts))
    return isinstance(condition, Not) and is_of_files(condition.part)


def plain(number: float) -> str:
    """Return a number as text without an exponent."""
    digits = format(Decimal(repr(float(number))), "f")
    return digits.removesuffix(".0")


def _written(field: str, value: Value) -> str:
    if isinstance(value, str):
        return value if FIELDS[field].kind == "date" else "'" + value.replace("'", "''") + "'"
    return plain(value)


def _enclosed(part: Condition) -> str:
    return f"({part})" if isinstance(part, And | Or) else str(part)
