"""Saved searches on the library's thread, without files and addresses that they may name."""

from __future__ import annotations

import asyncio
from functools import partial

from retrieval.query import Query, example_term
from retrieval.query.saved import Restored
from retrieval.server.library_thread import LibraryThread
from retrieval.server.paths import refuse_paths
from retrieval.tagging.saved_answers import SavedAnswer, SavedSearch


async def ask_saved(
    library_thread: LibraryThread, name: str, *, files: bool = False
) -> SavedAnswer:
    """Answer a saved search; QueryError if that would open a file, unless `files` may be opened."""
    check = partial(_refuse_files, files=files)
    return await asyncio.wrap_future(
        library_thread.call(lambda library: library.saved.answer(name, check))
    )


async def count_saved(
    library_thread: LibraryThread, search: SavedSearch, *, files: bool = False
) -> tuple[SavedSearch, int | None]:
    """Return a saved search with the number of new answers; with its `trouble` and None without."""
    check = partial(_refuse_files, files=files)
    return await asyncio.wrap_future(
        library_thread.call(lambda library: library.saved.counted(search, check))
    )


def _refuse_files(question: Restored, *, files: bool) -> None:
    """Raise QueryError for a question that names an address or, without `files`, a file.

    A saved search may come from a backup or a file of edits, so what it names is no wish of the
    person here.
    """
    refuse_paths(question.query, files=files)
    examples = (*question.options.like, *question.options.unlike)
    if examples:
        refuse_paths(Query(tuple(map(example_term, examples))), files=files)
