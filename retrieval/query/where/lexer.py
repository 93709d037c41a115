"""Splits a written filter into tokens, and creates errors that point at one of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from retrieval.errors import QueryError

_QUOTED = re.compile(r"""'((?:[^']|'')*)'|"((?:[^"]|"")*)\"""", re.DOTALL)
_OPERATOR = re.compile(r"!=|<=|>=|<>|==|=|<|>|~|\(|\)|,")
_BARE = re.compile(r"""[^\s()=<>!~,'"]+""")
_SPACE = re.compile(r"\s*")

KEYWORDS = ("and", "or", "not", "in", "has", "near", "within")

_MOST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Token:
    """A word, an operator, a quoted text, or the end; `value` is without quotes."""

    kind: Literal["bare", "sign", "quoted", "end"]
    value: str
    start: int
    end: int

    def is_keyword(self, *keywords: str) -> bool:
        """Return whether this is one of the keywords."""
        return self.kind == "bare" and self.value.lower() in keywords


def tokenize(written: str) -> list[Token]:
    """Return the tokens of a filter, the last of kind "end".

    Raises QueryError for an unclosed quote or a single "!".
    """
    tokens: list[Token] = []
    at = 0
    while True:
        space = _SPACE.match(written, at)
        at = space.end() if space else at
        if at == len(written):
            return [*tokens, Token("end", "", at, at)]
        tokens.append(_token(written, at))
        at = tokens[-1].end


def _token(written: str, at: int) -> Token:
    if quoted := _QUOTED.match(written, at):
        quote = written[at]
        inside = quoted[0][1:-1].replace(quote * 2, quote)
        return Token("quoted", inside, at, quoted.end())
    if sign := _OPERATOR.match(written, at):
        value = {"<>": "!=", "==": "="}.get(sign[0], sign[0])
        return Token("sign", value, at, sign.end())
    if bare := _BARE.match(written, at):
        return Token("bare", bare[0], at, bare.end())
    if written[at] in "'\"":
        quote = written[at]
        raise error_at(
            written,
            at,
            "the quote is not closed",
            f"put a {quote} after the value; double each {quote} inside it",
        )
    raise error_at(written, at, "! is not an operator", "write !=, or the word not")


def error_at(written: str, at: int, message: str, hint: str) -> QueryError:
    """Return an error that shows the filter with a caret below the character `at`."""
    start = max(0, at - _MOST_SHOWN // 2)
    shown = written[start : start + _MOST_SHOWN]
    line = "".join(c if c.isprintable() else " " for c in shown)
    wide = (2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line[: at - start])
    caret = " " * sum(wide) + "^"
    return QueryError(f"{message} (character {at + 1} of the filter)", f"{line}\n{caret}\n{hint}")
