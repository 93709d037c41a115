"""Saved searches: questions that are kept under a name, as albums that fill themselves.

A search is answered anew each time, with the library and the model of the moment. Its answers are
the pictures that are likely enough: those with at least `min_confidence`, or without confidences
the `k` best. What is *new* are answers that were none when a person last looked. After a change of
models nearly every question has other answers, which would all seem new, so only pictures that have
come into the library since then count until the next look.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.catalogue.saved import SavedRow
from retrieval.context import Context
from retrieval.errors import NameTaken, PixtrieveError, QueryError
from retrieval.query import Query
from retrieval.query.names import clean_name
from retrieval.query.options import OPTIONS, SearchOptions
from retrieval.query.saved import Restored
from retrieval.search.answering import answer_all
from retrieval.search.query_vectors import as_query
from retrieval.search.results import SearchResult
from retrieval.tagging.saved_answers import SavedAnswer, SavedLook, SavedSearch
from retrieval.tagging.saved_questions import Questions

if TYPE_CHECKING:
    from retrieval.search.query_vectors import Askable

LEAST = 0.5
"""The least confidence of a saved search with a question that names none."""

MOST = 10_000
"""The most answers of a saved search."""

_MOST_GROUPS = 1000


Check = Callable[[Restored], None]
"""Raises for a question that must not be asked, just before it is asked."""


def _allow(question: Restored) -> None:
    """Let any question be asked."""


class SavedSearches:
    """The saved searches of a library."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows = context.catalogue.saved
        self._questions = Questions(context.catalogue)

    def add(
        self, name: str, asked: Askable | None, options: SearchOptions, *, replacing: bool = False
    ) -> SavedSearch:
        """Save a question with its options under a name; what it finds now is not new.

        `asked` is as in `Library.search`; None is a search by the filter alone. A least confidence
        of 0 becomes `LEAST`. QueryError if there is a search of that name, unless `replacing`; for
        a picture without a path; and if the question cannot be answered.
        """
        return self.put(name, self.prepared(asked, options), replacing=replacing)

    def prepared(self, asked: Askable | None, options: SearchOptions) -> SavedLook:
        """Return a question as it can be saved, with what it finds now; raises like `add`."""
        if asked is not None and not options.min_confidence:
            options = replace(options, min_confidence=LEAST)
        query, kept = self._questions.kept(None if asked is None else as_query(asked), options)
        question = self._questions.stored(query, kept)
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
        return self._questions.restored(self._row(name))

    def answer(self, name: str, check: Check = _allow) -> SavedAnswer:
        """Answer a saved search; this is no look. Raises the errors of `question` and of searches.

        At most `MOST` answers. `check` gets the very question that is asked.
        """
        with self._context.catalogue.reading():
            row, newest = self._row(name), self._rows.newest_image()
            search, question = self._described(row)
            if question is None:
                question = self._questions.restored(row)  # raises
            check(question)
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

    def counted(self, search: SavedSearch, check: Check = _allow) -> tuple[SavedSearch, int | None]:
        """Return a saved search with the number of its new answers.

        If it cannot be asked, return it with its `trouble` and None.
        """
        if search.trouble:
            return search, None
        try:
            return search, len(self.answer(search.name, check).new)
        except PixtrieveError as error:
            return replace(search, trouble=_trouble(error)), None

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
            found = self._questions.restored(row)
        except PixtrieveError as error:
            asked, where = self._questions.written(row)
            return SavedSearch(row.name, asked, where, 0, row.looked, _trouble(error)), None
        asked = "" if found.query is None else str(found.query)
        options = found.options
        where = "" if options.where is None else str(options.where)
        facts = (asked, where, options.min_confidence, row.looked)
        return SavedSearch(row.name, *facts, dropped=found.dropped, options=_others(options)), found

    def _row(self, name: str) -> SavedRow:
        row = self._rows.named(name)
        if row is None:
            known = ", ".join(f"“{each.name}”" for each in self._rows.all())
            save = f'save one: pixtrieve saved add {shlex.quote(name)} "two dogs on a beach"'
            raise QueryError(
                f"there is no saved search “{name}” in this library",
                f"choose one of: {known}" if known else save,
            )
        return row


def _trouble(error: PixtrieveError) -> str:
    """Return why a saved search cannot be asked, and what to do."""
    return f"{error.message}. {error.hint}".strip()


def _others(options: SearchOptions) -> dict[str, Any]:
    """Return the options that a saved search has no attribute for, and that are not as usual."""
    values = {name: (getattr(options, name), option.default) for name, option in OPTIONS.items()}
    shown = ("where", "min_confidence", "k")
    return {
        name: own for name, (own, usual) in values.items() if name not in shown and own != usual
    }
