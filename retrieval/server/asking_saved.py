"""Saved searches on the library's thread, without files and addresses that they may name."""

from __future__ import annotations

import asyncio

from retrieval.library import Library
from retrieval.query import Query, example_term
from retrieval.server.library_thread import LibraryThread
from retrieval.server.paths import refuse_paths
from retrieval.tagging.saved_answers import SavedAnswer


async def ask_saved(
    library_thread: LibraryThread, name: str, *, files: bool = False
) -> SavedAnswer:
    """Answer a saved search; QueryError if that would open a file, unless `files` may be opened.

    It may come from a backup or a file of edits, so what it names is no wish of the person here.
    """

    def run(library: Library) -> SavedAnswer:
        question = library.saved.question(name)
        examples = (*question.options.like, *question.options.unlike)
        refuse_paths(question.query, files=files)
        if examples:
            refuse_paths(Query(tuple(map(example_term, examples))), files=files)
        return library.saved.answer(name)

    return await asyncio.wrap_future(library_thread.call(run))
