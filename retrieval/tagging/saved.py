"""Saved searches: questions that are kept under a name, as albums that fill themselves.

A search is answered anew each time, with the library and the model of the moment. Its answers are
the pictures that are likely enough: those with at least `min_confidence`, or without confidences
the `k` best. What is *new* are answers that were none when a person last looked. After a change of
models nearly every question has other answers, which would all seem new, so only pictures that have
come into the library since then count until the next look.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.catalogue.saved import SavedRow
from retrieval.context import Context
from retrieval.errors import LibraryError, NameTaken, PixtrieveError, QueryError
from retrieval.query import Example, Query, Term, example_term
from retrieval.query.names import clean_name
from retrieval.query.options import OPTIONS, SearchOptions
from retrieval.query.saved import (
    Restored,
    SavedPicture,
    SavedQuestion,
    restored,
    saved_question,
)
from retrieval.query.spelling import absolute
from retrieval.search.answering import answer_all
from retrieval.search.query_vectors import as_query
from retrieval.search.results import SearchResult
from retrieval.tagging.saved_answers import SavedAnswer, SavedLook, SavedSearch

if TYPE_CHECKING:
    from retrieval.search.query_vectors import Askable

LEAST = 0.5
"""The least confidence of a saved search with a question that names none."""

MOST = 10_000
"""The most answers of a saved search."""

_MOST_GROUPS = 1000


class SavedSearches:
    """The saved searches of a library."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows = context.catalogue.saved

    def add(
        self, name: str, asked: Askable | None, options: SearchOptions, *, replacing: bool = False
    ) -> SavedSearch:
        """Save a question with its options under a name; what it finds now is not new.

        `asked` is as in `Library.search`; None is a search by the filter alone. A least confidence
        of 0 becomes `LEAST`. QueryError if there is a search of that name, unless `replacing`; for
        a picture without a path, or with a web address; and if the question has no answer.
        """
        return self.put(name, self.prepared(asked, options), replacing=replacing)

    def prepared(self, asked: Askable | None, options: SearchOptions) -> SavedLook:
        """Return a question as it can be saved, with what it finds now; raises like `add`."""
        query = None if asked is None else self._kept(as_query(asked))
        if query is not None and not options.min_confidence:
            options = replace(options, min_confidence=LEAST)
        kept = replace(
            options,
            like=tuple(map(self._kept_example, options.like)),
            unlike=tuple(map(self._kept_example, options.unlike)),
            explain=False,
        )
        question = json.dumps(saved_question(query, kept, self._picture).as_object())
        with self._context.catalogue.reading():
            newest = self._rows.newest_image()
            result = self._answers(query, kept)  # raises if it cannot be asked
        return self._look(question, result, newest)

    def put(self, name: str, prepared: SavedLook, *, replacing: bool = False) -> SavedSearch:
        """Save what `prepared` returned under a name, without asking it; raises like `add`."""
        name = clean_name(name, "a saved search")
        with self._context.catalogue.writing():
            known = self._rows.named(name)
            if known is not None and not replacing:
                raise NameTaken(
                    f"there is a saved search “{known.name}” already",
                    "choose another name, or replace it: --force",
                    known.name,
                )
            self._rows.put(name, prepared.question)
            self._note(name, prepared)
        return self.named(name)

    def all(self) -> list[SavedSearch]:
        """Return all saved searches by name, without asking them."""
        with self._context.catalogue.reading():
            return [self._described(row)[0] for row in self._rows.all()]

    def named(self, name: str) -> SavedSearch:
        """Return a saved search; QueryError, which lists them, if there is none of that name."""
        return self._described(self._row(name))[0]

    def question(self, name: str) -> Restored:
        """Return the question and the options of a saved search, to be asked.

        QueryError if it cannot be asked: an example picture is gone, or a filter is wrong.
        """
        return self._restored(self._row(name))

    def answer(self, name: str) -> SavedAnswer:
        """Answer a saved search; this is no look. Raises the errors of `question` and of searches.

        At most `MOST` answers.
        """
        with self._context.catalogue.reading():
            row, newest = self._row(name), self._rows.newest_image()
            search, question = self._described(row)
            if question is None:
                question = self._restored(row)  # raises
            result = self._answers(question.query, question.options)
        ids = np.array([hit.id for hit in result.hits], np.int64)
        is_new = ~np.isin(ids, row.seen)
        if row.fingerprint != self._context.model.row.spec.fingerprint:
            is_new &= ids > row.newest
        new = frozenset(ids[is_new].tolist())
        return SavedAnswer(search, result, new, self._look(row.question, result, newest))

    def look(self, name: str) -> SavedAnswer:
        """Answer a saved search like `answer`; its answers are not new any more afterwards."""
        return self.note_look(self.answer(name))

    def note_look(self, found: SavedAnswer) -> SavedAnswer:
        """Note that a person has seen an answer; return it with the time of the look."""
        with self._context.catalogue.writing():
            looked = self._note(found.search.name, found.look)
        return replace(found, search=replace(found.search, looked=looked))

    def count_new(self, name: str) -> int:
        """Return how many answers of a saved search are new; raises like `answer`."""
        return len(self.answer(name).new)

    def rename(self, name: str, new: str) -> SavedSearch:
        """Give a saved search another name; QueryError if another one has it."""
        new = clean_name(new, "a saved search")
        with self._context.catalogue.writing():
            row, other = self._row(name), self._rows.named(new)
            if other is not None and other.id != row.id:
                raise NameTaken(
                    f"there is a saved search “{other.name}” already",
                    "choose another name",
                    other.name,
                )
            self._rows.rename(row.id, new)
        return self.named(new)

    def remove(self, name: str) -> SavedSearch:
        """Delete a saved search; return what it was."""
        with self._context.catalogue.writing():
            row = self._row(name)
            self._rows.delete(row.id)
        return self._described(row)[0]

    def _look(self, question: str, result: SearchResult, newest: int) -> SavedLook:
        images = tuple(hit.id for hit in result.hits)
        return SavedLook(question, images, newest, self._context.model.row.spec.fingerprint)

    def _note(self, name: str, look: SavedLook) -> str:
        """Store a look within the caller's transaction; return its time."""
        looked = datetime.now(UTC).isoformat(timespec="seconds")
        seen = np.array(look.images, np.int64)
        row = SavedRow(
            self._row(name).id, name, look.question, looked, look.fingerprint, look.newest, seen
        )
        self._rows.look(row)
        return looked

    def _answers(self, query: Query | None, options: SearchOptions) -> SearchResult:
        """Return all answers; the k best where nothing else says what is an answer."""
        most = _MOST_GROUPS if options.group else MOST
        if query is not None or options.diverse:
            best = answer_all(self._context, [query], options)[0]
            if not best.sifted or options.diverse or len(best) < options.k:
                return best
        return answer_all(self._context, [query], replace(options, k=most))[0]

    def _described(self, row: SavedRow) -> tuple[SavedSearch, Restored | None]:
        try:
            found = self._restored(row)
        except PixtrieveError as error:
            stored = self._stored(row, strict=False)
            where = stored.options.get("where", "")
            trouble = f"{error.message}. {error.hint}".strip()
            return SavedSearch(row.name, stored.question, str(where), 0, row.looked, trouble), None
        asked = "" if found.query is None else str(found.query)
        options = found.options
        where = "" if options.where is None else str(options.where)
        facts = (asked, where, options.min_confidence, row.looked)
        return SavedSearch(row.name, *facts, dropped=found.dropped, options=_others(options)), found

    def _restored(self, row: SavedRow) -> Restored:
        found = restored(self._stored(row), self._image)
        _ = found.options.condition  # raises if the filter is wrong
        return found

    def _stored(self, row: SavedRow, *, strict: bool = True) -> SavedQuestion:
        try:
            return SavedQuestion.of_object(json.loads(row.question))
        except (ValueError, RecursionError) as error:
            if not strict:
                return SavedQuestion("", (), {})
            raise LibraryError(
                f"the saved search “{row.name}” is damaged: {error}",
                f'save it again, or delete it: pixtrieve saved remove "{row.name}"',
            ) from error

    def _row(self, name: str) -> SavedRow:
        row = self._rows.named(name)
        if row is None:
            known = ", ".join(f"“{each.name}”" for each in self._rows.all())
            save = f'save one: pixtrieve saved add "{name}" "two dogs on a beach"'
            raise QueryError(
                f"there is no saved search “{name}” in this library",
                f"choose one of: {known}" if known else save,
            )
        return row

    def _kept(self, query: Query) -> Query:
        return Query(tuple(map(self._kept_term, query.terms)))

    def _kept_term(self, term: Term) -> Term:
        """Return a term that can be stored: a picture of the library by id, others by full path."""
        if term.kind != "picture" or not isinstance(term.value, str | os.PathLike):
            return term
        path = os.fspath(term.value)
        if path.startswith(("http://", "https://")):
            raise QueryError(
                f"{path} is a web address, which may show another picture tomorrow",
                "download the picture, and save the search with the file",
            )
        catalogue = self._context.catalogue
        paths = catalogue.spellings().of(absolute(path))
        image_id = catalogue.sidecars.image_of(catalogue.roots.all(), paths)
        if image_id is None:
            return replace(term, value=absolute(path))
        return replace(term, kind="indexed", value=image_id)

    def _kept_example(self, example: Example) -> int | str:
        term = self._kept_term(example_term(example))
        return int(term.value) if term.kind == "indexed" else str(term.value)

    def _picture(self, image_id: int) -> SavedPicture:
        key = self._context.catalogue.edits.key(image_id)
        if key is None:
            raise QueryError(
                f"there is no picture #{image_id} in this library",
                "search --json prints the numbers of pictures, as `id`",
            )
        return SavedPicture(key.sha256, key.path)

    def _image(self, picture: SavedPicture) -> int | None:
        return self._context.catalogue.edits.image(bytes.fromhex(picture.sha256))


def _others(options: SearchOptions) -> dict[str, Any]:
    """Return the options that a saved search has no attribute for, and that are not as usual."""
    values = {name: (getattr(options, name), option.default) for name, option in OPTIONS.items()}
    shown = ("where", "min_confidence", "k")
    return {
        name: own for name, (own, usual) in values.items() if name not in shown and own != usual
    }
