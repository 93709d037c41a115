r"""A query as a sum of terms, and its written form.

    two dogs on a beach                      one text
    2:dog + ./pool.jpg - people              weighted terms; " - " excludes a term
    #17 + "in the snow - at night"           an indexed picture; text in quotes is not parsed
    picture:"a + b.jpg" + concept:"our cat"  a prefix gives the kind of a quoted term

Operators have spaces on both sides, so "t-shirt" and "black-and-white" are plain text. A term that
begins like a path (`./`, `../`, `/`, `~/`, `C:\`) or an address (`http://`) is a picture.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

from retrieval.errors import QueryError

Kind = Literal["text", "picture", "indexed", "concept"]

Example = int | str | os.PathLike[str]
"""A picture of the library by its id (`17`, "17", "#17"), or any picture file or address."""

LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1000.0

_OPERATOR = re.compile(r"\s+([+-])(?=\s)")
_SIGN = re.compile(r"\s*([+-])(?=\s)")
_WEIGHT = re.compile(r"(\d{1,6}(?:\.\d{1,6})?):(?=[^\d\s])")
_QUOTED = re.compile(
    r"""(?:(text|picture|concept):)? "((?:[^"\\]|\\.)*)" (?=\s+[+-]\s|\s*$)""",
    re.DOTALL | re.VERBOSE,
)
_OPENING = re.compile(r'\s*(?:(?:text|picture|concept):)?"(?:[^"\\]|\\.)*\\?\Z', re.DOTALL)
_SPACE = re.compile(r"\s*")
_INDEXED = re.compile(r"#(\d{1,18})")
_PICTURE = re.compile(r"\.{1,2}[/\\]|/|~[/\\]|[A-Za-z]:[/\\]|https?://")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query.

    `value` is a `str` for a text or a concept's name, an image's id for an indexed picture, and for
    another picture a path, an address, a file's bytes, a Pillow image or an array. `weight` is
    0.001 to 1000, rounded to six decimals. Hits must not match a `negative` term.
    """

    kind: Kind
    value: Any
    weight: float = 1.0
    negative: bool = False

    def __post_init__(self) -> None:
        if not LEAST_WEIGHT <= self.weight <= MOST_WEIGHT:
            raise QueryError(
                f"the weight {self.weight:g} is not between {LEAST_WEIGHT:g} and {MOST_WEIGHT:g}",
                "to exclude a term, put a minus before it: dog - people",
            )
        object.__setattr__(self, "weight", round(float(self.weight), 6))

    def __str__(self) -> str:
        weight = "" if self.weight == 1 else f"{self.weight:.6f}".rstrip("0").rstrip(".") + ":"
        if self.kind == "indexed":
            return f"{weight}#{self.value}"
        if not isinstance(self.value, str | os.PathLike):
            return f"{weight}(a picture)"  # pixels and bytes have no written form
        value = os.fspath(self.value)
        # An opening quote could be closed by a later term.
        signs = _OPERATOR.search(value) or _SIGN.match(value) or _OPENING.match(value)
        if not signs and _parse_term(weight + value) == (self.kind, value.strip(), self.weight):
            return weight + value
        prefix = "" if self.kind == "text" else f"{self.kind}:"
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{weight}{prefix}"{escaped}"'


@dataclass(frozen=True, slots=True)
class Query:
    """A query: terms, at least one of them positive. `Query.parse(str(query)) == query`."""

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        if all(term.negative for term in self.terms):
            raise QueryError(
                "the query has only terms to exclude" if self.terms else "the query is empty",
                'write a text, for example "two dogs on a beach", or: dog - people',
            )

    def __str__(self) -> str:
        first, *others = self.terms
        parts = [f"- {first}" if first.negative else str(first)]
        parts += [f" - {term}" if term.negative else f" + {term}" for term in others]
        return "".join(parts)

    @classmethod
    def parse(cls, written: str) -> Query:
        """Parse the written form of a query; QueryError says what is wrong with it."""
        terms: list[Term] = []
        sign = _SIGN.match(written)
        negative, at = (sign[1] == "-", sign.end()) if sign else (False, 0)
        while True:
            end, following = _end_of_term(written, at)
            terms.append(_term(written[at:end].strip(), negative=negative))
            if following is None:
                return cls(tuple(terms))
            negative, at = following[1] == "-", following.end()

    @classmethod
    def of_text(cls, text: str) -> Query:
        """Return a query with one text, without parsing signs in it."""
        return cls((Term("text", text),))

    @property
    def positive(self) -> tuple[Term, ...]:
        """The terms that hits must match."""
        return tuple(term for term in self.terms if not term.negative)

    @property
    def negative(self) -> tuple[Term, ...]:
        """The terms that hits must not match."""
        return tuple(term for term in self.terms if term.negative)


def example_term(example: Example) -> Term:
    """Return an example as a term."""
    written = str(example) if isinstance(example, int) else os.fspath(example)
    number = written.removeprefix("#")
    if number.isascii() and number.isdigit():
        return Term("indexed", int(number))
    return Term("picture", written)


def _end_of_term(written: str, at: int) -> tuple[int, re.Match[str] | None]:
    """Return the end of a term and the operator after it; operators in quotes do not count."""
    if operator := _OPERATOR.match(written, at):
        return at, operator  # nothing between two operators
    space = _SPACE.match(written, at)
    start = space.end() if space else at
    if weight := _WEIGHT.match(written, start):
        start = weight.end()
    if quoted := _QUOTED.match(written, start):
        start = quoted.end()
    operator = _OPERATOR.search(written, start)
    return (operator.start(), operator) if operator else (len(written), None)


def _term(written: str, *, negative: bool) -> Term:
    kind, value, weight = _parse_term(written)
    if kind == "text" and not value.strip():
        raise QueryError(
            "a term of the query is empty",
            'write a term on each side of " + " and " - ", or put a text with these in quotes',
        )
    return Term(kind, value, weight, negative)


def _parse_term(written: str) -> tuple[Kind, Any, float]:
    weight = 1.0
    if found := _WEIGHT.match(written):
        weight, written = float(found[1]), written[found.end() :]
    if quoted := _QUOTED.fullmatch(written):
        kind: Any = quoted[1] or "text"
        return kind, _ESCAPED.sub(r"\1", quoted[2]), weight
    if indexed := _INDEXED.fullmatch(written):
        return "indexed", int(indexed[1]), weight
    if _PICTURE.match(written):
        return "picture", written, weight
    return "text", written, weight
