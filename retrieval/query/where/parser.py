"""Parses a written filter into conditions, by recursive descent."""

from __future__ import annotations

from collections.abc import Callable

from retrieval.errors import QueryError
from retrieval.query.fields import FIELDS, OPTIONAL
from retrieval.query.where.conditions import (
    And,
    Box,
    Comparison,
    Condition,
    Has,
    Near,
    Not,
    OneOf,
    Or,
    Value,
)
from retrieval.query.where.lexer import KEYWORDS, Token, error_at, tokenize
from retrieval.query.where.values import (
    WrongValueError,
    degrees,
    has_unit,
    kilometres,
    value_of,
)

LONGEST, DEEPEST, MOST_VALUES = 8_000, 40, 500
"""The limits of a filter: characters, nested conditions, and values."""


def parse(written: str) -> Condition:
    """Parse a filter; a QueryError shows the wrong character and what to do."""
    if len(written) > LONGEST:
        raise error_at(
            written, LONGEST, f"the filter is longer than {LONGEST:,} characters", "make it shorter"
        )
    return _Parser(written).all()


class _Parser:
    """Reads the tokens once, from left to right."""

    def __init__(self, written: str) -> None:
        self._written = written
        self._tokens = tokenize(written)
        self._at = 0
        self._depth = 0
        self._values = 0

    def all(self) -> Condition:
        if self._ended():
            example = FIELDS["date"].example
            raise self._wrong("the filter is empty", f"write a condition, for example {example}")
        condition = self._any()
        if self._ended():
            return condition
        if self._next.value == ")" and self._next.kind == "sign":
            raise self._wrong("there is no ( for this )", "remove it, or add a ( before it")
        before = self._tokens[self._at - 1]
        both_bare = before.kind == self._next.kind == "bare"
        if both_bare and not self._next.is_keyword(*KEYWORDS):
            together = f"{before.value} {self._next.value}"
            raise self._wrong(
                "the condition is complete before this",
                f"put a value of several words in quotes: '{together}'; join conditions "
                "with and, or",
            )
        raise self._wrong("the condition is complete before this", "join conditions with and, or")

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _ended(self) -> bool:
        return self._next.kind == "end"

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._at += 1
        return token

    def _take_sign(self, sign: str) -> bool:
        if self._next.kind != "sign" or self._next.value != sign:
            return False
        self._at += 1
        return True

    def _take_keyword(self, keyword: str) -> bool:
        if not self._next.is_keyword(keyword):
            return False
        self._at += 1
        return True

    def _wrong(self, message: str, hint: str, token: Token | None = None) -> QueryError:
        token = token or self._next
        if token.kind == "end" and self._at:
            message = f"the filter ends too early: {message}"
        return error_at(self._written, token.start, message, hint)

    def _any(self) -> Condition:
        parts = self._joined("or", lambda: self._joined_or_one("and", self._one))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _joined_or_one(self, keyword: str, part: Callable[[], Condition]) -> Condition:
        parts = self._joined(keyword, part)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _joined(self, keyword: str, part: Callable[[], Condition]) -> list[Condition]:
        parts = [part()]
        while self._take_keyword(keyword):
            parts.append(part())
        return parts

    def _one(self) -> Condition:
        start = self._next
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(
                f"the filter has more than {DEEPEST} nested conditions", "simplify it"
            )
        try:
            if self._take_keyword("not"):
                return Not(self._one())
            if self._take_sign("("):
                condition = self._any()
                if not self._take_sign(")"):
                    raise self._wrong(
                        "a ) is missing", f"the ( at character {start.start + 1} is open"
                    )
                return condition
            if self._take_keyword("has"):
                return Has(self._name(OPTIONAL))
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Condition:
        field = self._name(tuple(FIELDS))
        if FIELDS[field].kind == "flag":
            return Has(field)
        operator = self._take()
        if operator.is_keyword("near") and field == "gps":
            return self._near()
        if operator.is_keyword("not") and self._take_keyword("in"):
            return Not(self._in(field))
        if operator.is_keyword("in"):
            return self._in(field)
        known = FIELDS[field].operators
        if operator.kind not in ("sign", "bare") or operator.value not in known:
            self._at -= operator.kind != "end"
            raise self._wrong(
                f"expected one of these after {field}: {'  '.join(known)}",
                f"for example: {FIELDS[field].example}",
                operator,
            )
        return Comparison(field, operator.value, self._value(field))

    def _name(self, known: tuple[str, ...]) -> str:
        token = self._next
        name = token.value.lower()
        if token.kind == "bare" and name in known:
            self._at += 1
            return name
        listed = ", ".join(known)
        if token.kind != "bare" or token.is_keyword(*KEYWORDS):
            raise self._wrong("expected the name of a field", f"use one of {listed}")
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise self._wrong(f"there is no field {token.value[:40]}", f"{meant}fields are {listed}")

    def _in(self, field: str) -> Condition:
        if field == "gps":
            return self._box()
        if not self._take_sign("("):
            return OneOf(field, (self._value(field),))
        values = [self._value(field)]
        while self._take_sign(","):
            values.append(self._value(field))
        if not self._take_sign(")"):
            raise self._wrong("a , or ) is missing", f"write a list like {field} in ('a', 'b')")
        return OneOf(field, tuple(values))

    def _value(self, field: str) -> Value:
        token = self._take()
        if token.kind in ("end", "sign") or token.is_keyword(*KEYWORDS):
            quote = f"; in quotes '{token.value}' is a text" if token.kind == "bare" else ""
            self._at -= token.kind != "end"
            raise self._wrong(
                "expected a value", f"for example: {FIELDS[field].example}{quote}", token
            )
        self._values += 1
        if self._values > MOST_VALUES:
            raise self._wrong(
                f"the filter has more than {MOST_VALUES} values", "make it shorter", token
            )
        written = token.value
        if self._next.kind == "bare" and has_unit(field, self._next.value):
            written += self._take().value
        try:
            return value_of(field, written)
        except WrongValueError as error:
            raise self._wrong(str(error), f"for example: {FIELDS[field].example}", token) from error

    def _near(self) -> Condition:
        example = FIELDS["gps"].example
        north = self._degrees(90, example)
        self._comma(example)
        east = self._degrees(180, example)
        if not self._take_keyword("within"):
            raise self._wrong("the distance is missing", f"for example: {example}")
        number = self._take()
        unit = (
            self._take().value if self._next.kind == "bare" and number.value[-1:].isdigit() else ""
        )
        try:
            return Near(north, east, kilometres(number.value, unit))
        except WrongValueError as error:
            raise self._wrong(str(error), f"for example: {example}", number) from error

    def _box(self) -> Condition:
        example = "gps in 40,-10,60,20 (south, west, north, east)"
        opened = self._take_sign("(")
        edges = []
        for place, most in enumerate((90, 180, 90, 180)):
            if place:
                self._comma(example)
            start = self._next
            edges.append(self._degrees(most, example))
            if place == 2 and edges[2] < edges[0]:
                raise self._wrong(
                    "the north edge is south of the south edge", f"for example: {example}", start
                )
        if opened and not self._take_sign(")"):
            raise self._wrong("a ) is missing", f"for example: {example}")
        return Box(*edges)

    def _degrees(self, most: float, example: str) -> float:
        token = self._take()
        try:
            return degrees(token.value, most)
        except WrongValueError as error:
            raise self._wrong(str(error), f"for example: {example}", token) from error

    def _comma(self, example: str) -> None:
        if not self._take_sign(","):
            raise self._wrong("expected a ,", f"for example: {example}")
