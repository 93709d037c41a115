"""The questions of saved searches: from what is asked in a library to what is stored, and back."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace

from retrieval.catalogue import Catalogue
from retrieval.catalogue.saved import SavedRow
from retrieval.errors import LibraryError, QueryError
from retrieval.query import Example, Query, Term, example_term
from retrieval.query.options import SearchOptions
from retrieval.query.saved import (
    Restored,
    SavedPicture,
    SavedQuestion,
    restored,
    saved_question,
)
from retrieval.query.spelling import absolute


class Questions:
    """Stores questions of a library, and restores them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def kept(
        self, query: Query | None, options: SearchOptions
    ) -> tuple[Query | None, SearchOptions]:
        """Return a question as it is asked from now on: its pictures by id, else by full path."""
        terms = None if query is None else Query(tuple(map(self._kept_term, query.terms)))
        like, unlike = (
            tuple(map(self._kept_example, each)) for each in (options.like, options.unlike)
        )
        return terms, replace(options, like=like, unlike=unlike, explain=False)

    def stored(self, query: Query | None, options: SearchOptions) -> str:
        """Return the JSON of a kept question.

        QueryError if there is nothing to ask, and for a picture that no library can have.
        """
        return json.dumps(saved_question(query, options, self._picture).as_object())

    def restored(self, row: SavedRow) -> Restored:
        """Return the question of a saved search; its errors say why it cannot be asked."""
        found = restored(self._read(row), self._image)
        _ = found.options.condition  # raises if the filter is wrong
        return found

    def written(self, row: SavedRow) -> tuple[str, str]:
        """Return question and filter of a search that cannot be asked; "" for what is damaged."""
        try:
            found = self._read(row)
        except LibraryError:
            return "", ""
        return found.question, str(found.options.get("where", ""))

    def _read(self, row: SavedRow) -> SavedQuestion:
        try:
            return SavedQuestion.of_object(json.loads(row.question))
        except (ValueError, RecursionError) as error:
            raise LibraryError(
                f"the saved search “{row.name}” is damaged: {error}",
                f"save it again, or delete it: pixtrieve saved remove {shlex.quote(row.name)}",
            ) from error

    def _kept_term(self, term: Term) -> Term:
        if term.kind != "picture" or not isinstance(term.value, str | os.PathLike):
            return term
        path = absolute(term.value)
        image_id = self._catalogue.spellings().image_at(path)
        if image_id is None:
            return replace(term, value=path)
        return replace(term, kind="indexed", value=image_id)

    def _kept_example(self, example: Example) -> int | str:
        term = self._kept_term(example_term(example))
        return int(term.value) if term.kind == "indexed" else str(term.value)

    def _picture(self, image_id: int) -> SavedPicture:
        key = self._catalogue.edits.key(image_id)
        if key is None:
            raise QueryError(
                f"there is no picture #{image_id} in this library",
                "search --json prints the numbers of pictures, as `id`",
            )
        return SavedPicture(key.sha256, key.path)

    def _image(self, picture: SavedPicture) -> int | None:
        return self._catalogue.edits.image(bytes.fromhex(picture.sha256))
