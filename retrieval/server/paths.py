"""What a question from outside may not have opened."""

from __future__ import annotations

from retrieval.errors import QueryError
from retrieval.query import Query

_ADDRESS = ("http://", "https://")


def refuse_paths(query: Query | None, *, files: bool = False) -> None:
    """Let nobody have files of this machine opened, or addresses fetched, from outside.

    With `files`, files may be opened: whoever asks has the rights of this process anyway.
    """
    for term in () if query is None else query.terms:
        if term.kind != "picture" or not isinstance(term.value, str):
            continue
        if not files:
            raise QueryError(
                f"{term.value} is a path or an address, and the server opens none",
                "name an indexed picture by its number, #17, or upload it",
            )
        if term.value.startswith(_ADDRESS):
            raise QueryError(
                f"{term.value} is an address, and none is fetched here",
                "download the picture and name its file, or an indexed one by its number: #17",
            )
