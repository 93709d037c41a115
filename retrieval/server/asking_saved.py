"""Saved searches on the library's thread, without files and addresses that they may name."""

from __future__ import annotations

import asyncio

from retrieval.library import Library
from retrieval.query import Query, example_term
from retrieval.query.saved import Restored
from retrieval.server.library_thread import LibraryThread
from retrieval.server.paths import refuse_paths
from retrieval.tagging.saved import SavedAnswer


async def ask_saved(
    library_thread: LibraryThread, name: str, *, files: bool = False
) -> SavedAnswer:
    """Answer a saved search; QueryError if that would open a file, unless `files` may be opened.

    It may come from a backup or a file of edits, so what it names is no wish of the person here.
    """

    def run(library: Library) -> SavedAnswer:
        question_of(library, name, files=files)
        return library.saved.answer(name)

    return await asyncio.wrap_future(library_thread.call(run))


def question_of(library: Library, name: str, *, files: bool = False) -> Restored:
    """Return the question of a saved search; QueryError if it names a file or an address."""
    found = library.saved.question(name)
    examples = (*found.options.like, *found.options.unlike)
    terms = tuple(map(example_term, examples))
    refuse_paths(found.query, files=files)
    if terms:
        refuse_paths(Query(terms), files=files)
    return found
