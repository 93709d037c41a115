"""The stored form of a question with its options: JSON that also fits another index.

    {"question": "2:in the snow + #1 - people",
     "pictures": [{"sha256": "9f86…", "path": "/photos/dog.jpg"}],
     "options": {"where": "date >= 2023", "min_confidence": 0.5, "like": ["#1", "/photos/b.jpg"]}}

`#1` is the first of the pictures, whatever its id in a library. Options at their defaults are left
out. A question without text and pictures is one by its filter alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from retrieval.errors import QueryError
from retrieval.query.options import OPTIONS, SearchOptions
from retrieval.query.terms import Example, Query, Term, example_term

Plain = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedPicture:
    """An indexed picture: the SHA-256 of its content in hexadecimal, and a path that it had."""

    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A question as it is stored: see the module."""

    question: str
    pictures: tuple[SavedPicture, ...]
    options: Mapping[str, Plain]

    def as_object(self) -> dict[str, Any]:
        """Return it as values for JSON."""
        pictures = [asdict(each) for each in self.pictures]
        return {"question": self.question, "pictures": pictures, "options": dict(self.options)}

    @classmethod
    def of_object(cls, value: Any) -> SavedQuestion:
        """Return it from values of JSON; ValueError for anything else."""
        facts = _object(value, "a saved question")
        question, pictures = facts.get("question"), facts.get("pictures")
        if not isinstance(question, str) or not isinstance(pictures, list):
            raise _Wrong("the question of a saved search is missing")
        options = _object(facts.get("options"), "the options of a saved search")
        return cls(
            question,
            tuple(_picture(each) for each in pictures),
            {str(name): _plain(each) for name, each in options.items()},
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """A question that can be asked; `dropped` are stored options that do not exist any more."""

    query: Query | None
    options: SearchOptions
    dropped: tuple[str, ...] = ()


def saved_question(
    query: Query | None, options: SearchOptions, picture: Callable[[int], SavedPicture]
) -> SavedQuestion:
    """Return a question and its options as they are stored.

    `picture` returns what identifies an indexed picture, and raises QueryError for an unknown id.
    QueryError for a question without a filter and terms, and for pictures that are pixels or bytes.
    """
    if query is None and options.condition is None:
        raise QueryError("there is nothing to save", "give a question, a filter, or both")
    numbered = _Numbered(picture)
    written = "" if query is None else str(Query(tuple(map(numbered.term, query.terms))))
    plain = {
        name: tuple(map(numbered.example, value)) if option.many else value
        for name, option in OPTIONS.items()
        if (value := getattr(options, name)) not in (None, option.default)
    }
    if "where" in plain:
        plain["where"] = str(plain["where"])
    return SavedQuestion(written, tuple(numbered.pictures), plain)


def restored(saved: SavedQuestion, id_of: Callable[[SavedPicture], int | None]) -> Restored:
    """Return a stored question for a library; `id_of` finds its pictures there.

    Options that do not exist, or have no such value, any more are left out, except for the filter:
    without it the answer would be another one. QueryError for a picture that the library does not
    have, and for a question or a filter that cannot be read.
    """
    found = _Found(saved.pictures, id_of)
    query = None
    if saved.question.strip():
        query = Query(tuple(map(found.term, Query.parse(saved.question).terms)))
    values: dict[str, Any] = {}
    dropped = []
    for name, value in saved.options.items():
        if name == "where" or _is_option(name, value):
            values[name] = tuple(map(found.example, value)) if isinstance(value, tuple) else value
        else:
            dropped.append(name)
    if not isinstance(values.get("where", ""), str):
        raise QueryError("its filter is damaged", "save the search again")
    options = SearchOptions(**values)
    if query is None and options.condition is None:
        raise QueryError("it has neither a question nor a filter", "save the search again")
    return Restored(query, options, tuple(dropped))


class _Numbered:
    """Gives indexed pictures the numbers that they have in a stored question."""

    def __init__(self, picture: Callable[[int], SavedPicture]) -> None:
        self._picture = picture
        self.pictures: list[SavedPicture] = []

    def term(self, term: Term) -> Term:
        if term.kind == "indexed":
            found = self._picture(term.value)
            if found not in self.pictures:
                self.pictures.append(found)
            return replace(term, value=self.pictures.index(found) + 1)
        if term.kind == "picture" and not isinstance(term.value, str | os.PathLike):
            raise QueryError(
                "a picture that is no file cannot be saved with a search",
                "put the picture into an indexed folder, and search with it there",
            )
        return term

    def example(self, example: Example) -> str:
        term = self.term(example_term(example))
        return f"#{term.value}" if term.kind == "indexed" else os.fspath(term.value)


class _Found:
    """Finds the pictures of a stored question in a library."""

    def __init__(
        self, pictures: Sequence[SavedPicture], id_of: Callable[[SavedPicture], int | None]
    ) -> None:
        self._pictures, self._id_of = pictures, id_of

    def term(self, term: Term) -> Term:
        if term.kind != "indexed":
            return term
        if not 1 <= term.value <= len(self._pictures):
            raise QueryError("its question is damaged", "save the search again")
        picture = self._pictures[term.value - 1]
        found = self._id_of(picture)
        if found is None:
            raise QueryError(
                f"its example picture {picture.path or picture.sha256} is not in the library",
                "index its folder: pixtrieve index FOLDER",
            )
        return replace(term, value=found)

    def example(self, written: str) -> Example:
        term = self.term(example_term(written))
        return int(term.value) if term.kind == "indexed" else str(term.value)


def _is_option(name: str, value: Plain) -> bool:
    if name not in OPTIONS or OPTIONS[name].many != isinstance(value, tuple):
        return False
    try:
        SearchOptions(**{name: value})  # type: ignore[arg-type]
    except QueryError:
        return False
    return True


class _Wrong(ValueError):
    """A value of JSON that this module never writes."""


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(f"{what} is missing")
    return value


def _picture(value: Any) -> SavedPicture:
    facts = _object(value, "a picture of a saved search")
    sha256, path = facts.get("sha256"), facts.get("path")
    if not isinstance(sha256, str) or not isinstance(path, str) or "\0" in path:
        raise _Wrong("a picture of a saved search is missing")
    if len(bytes.fromhex(sha256)) != 32:
        raise _Wrong(f"{sha256[:80]} is no SHA-256")
    return SavedPicture(sha256.lower(), path)


def _plain(value: Any) -> Plain:
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise _Wrong("an option of a saved search has an impossible value")
