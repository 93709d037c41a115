"""Refuses queries that would make the server open files or web addresses."""

from __future__ import annotations

from retrieval.errors import QueryError
from retrieval.query import Query
from retrieval.query.spelling import is_address


def refuse_paths(query: Query | None, *, files: bool = False) -> None:
    """Raise QueryError if a query names a web address or, without `files`, a file path.

    Pass `files=True` only where the caller has the rights of this process anyway.
    """
    for term in () if query is None else query.terms:
        if term.kind != "picture" or not isinstance(term.value, str):
            continue
        if not files:
            raise QueryError(
                f"{term.value} is a path or a web address; the server opens neither",
                "use the id of an indexed picture, like #17, or upload the picture",
            )
        if is_address(term.value):
            raise QueryError(
                f"{term.value} is a web address; pictures are not downloaded here",
                "download the picture and give its path, or use an indexed picture's id, like #17",
            )
