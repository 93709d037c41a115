"""From a written filter to conditions, by recursive descent."""

from __future__ import annotations

from collections.abc import Callable

from retrieval.errors import QueryError
from retrieval.query.fields import FIELDS, POSSIBLE
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
from retrieval.query.where.lexer import KEYWORDS, Word, error_at, words_of
from retrieval.query.where.values import (
    WrongValueError,
    degrees,
    has_unit,
    kilometres,
    value_of,
)

LONGEST, DEEPEST, MOST_VALUES = 8_000, 40, 500
"""A filter's most characters, parentheses within each other, and values."""


def parse(written: str) -> Condition:
    """Read the written form; a QueryError shows the character that is wrong, and what to do."""
    if len(written) > LONGEST:
        raise error_at(
            written, LONGEST, f"the filter is longer than {LONGEST:,} characters", "make it shorter"
        )
    return _Parser(written).all()


class _Parser:
    """Goes through the words once, from left to right."""

    def __init__(self, written: str) -> None:
        self._written = written
        self._words = words_of(written)
        self._at = 0
        self._depth = 0
        self._values = 0

    def all(self) -> Condition:
        if self._ended():
            example = FIELDS["date"].example
            raise self._wrong("the filter is empty", f"write a condition, like {example}")
        condition = self._any()
        if self._ended():
            return condition
        if self._next.value == ")" and self._next.kind == "sign":
            raise self._wrong("this ) closes nothing", "take it away, or open a ( before")
        before = self._words[self._at - 1]
        both_bare = before.kind == self._next.kind == "bare"
        if both_bare and not self._next.is_keyword(*KEYWORDS):
            together = f"{before.value} {self._next.value}"
            raise self._wrong(
                "the condition has ended before this",
                f"a value of several words goes in quotes: '{together}'; conditions are joined "
                "by and, or",
            )
        raise self._wrong("the condition has ended before this", "join conditions by and, or")

    @property
    def _next(self) -> Word:
        return self._words[self._at]

    def _ended(self) -> bool:
        return self._next.kind == "end"

    def _take(self) -> Word:
        word = self._next
        if word.kind != "end":
            self._at += 1
        return word

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

    def _wrong(self, message: str, hint: str, word: Word | None = None) -> QueryError:
        word = word or self._next
        if word.kind == "end" and self._at:
            message = f"the filter ends too early: {message}"
        return error_at(self._written, word.start, message, hint)

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
                f"more than {DEEPEST} conditions within each other", "make it simpler"
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
                return Has(self._name(POSSIBLE))
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Condition:
        field = self._name(tuple(FIELDS))
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
                f"{field} is followed by one of {'  '.join(known)}",
                f"for example: {FIELDS[field].example}",
                operator,
            )
        return Comparison(field, operator.value, self._value(field))

    def _name(self, known: tuple[str, ...]) -> str:
        word = self._next
        name = word.value.lower()
        if word.kind == "bare" and name in known:
            self._at += 1
            return name
        listed = ", ".join(known)
        if word.kind != "bare" or word.is_keyword(*KEYWORDS):
            raise self._wrong("the name of a field belongs here", f"one of {listed}")
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise self._wrong(f"there is no field {word.value[:40]}", f"{meant}fields are {listed}")

    def _in(self, field: str) -> Condition:
        if field == "gps":
            return self._box()
        if not self._take_sign("("):
            return OneOf(field, (self._value(field),))
        values = [self._value(field)]
        while self._take_sign(","):
            values.append(self._value(field))
        if not self._take_sign(")"):
            raise self._wrong(
                "a , or ) is missing", f"a list is written like {field} in ('a', 'b')"
            )
        return OneOf(field, tuple(values))

    def _value(self, field: str) -> Value:
        word = self._take()
        if word.kind in ("end", "sign") or word.is_keyword(*KEYWORDS):
            quote = f"; in quotes '{word.value}' is a text" if word.kind == "bare" else ""
            self._at -= word.kind != "end"
            raise self._wrong(
                "a value belongs here", f"for example: {FIELDS[field].example}{quote}", word
            )
        self._values += 1
        if self._values > MOST_VALUES:
            raise self._wrong(
                f"the filter has more than {MOST_VALUES} values", "make it shorter", word
            )
        written = word.value
        if self._next.kind == "bare" and has_unit(field, self._next.value):
            written += self._take().value
        try:
            return value_of(field, written)
        except WrongValueError as error:
            raise self._wrong(str(error), f"for example: {FIELDS[field].example}", word) from error

    def _near(self) -> Condition:
        example = FIELDS["gps"].example
        north = self._degrees(90, example)
        self._comma(example)
        east = self._degrees(180, example)
        if not self._take_keyword("within"):
            raise self._wrong("how near is not said", f"for example: {example}")
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
                raise self._wrong("north lies south of the south", f"for example: {example}", start)
        if opened and not self._take_sign(")"):
            raise self._wrong("a ) is missing", f"for example: {example}")
        return Box(*edges)

    def _degrees(self, most: float, example: str) -> float:
        word = self._take()
        try:
            return degrees(word.value, most)
        except WrongValueError as error:
            raise self._wrong(str(error), f"for example: {example}", word) from error

    def _comma(self, example: str) -> None:
        if not self._take_sign(","):
            raise self._wrong("a , belongs here", f"for example: {example}")
