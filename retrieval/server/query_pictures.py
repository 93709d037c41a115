"""Pictures in queries, decoded off the library's thread: a slow one delays no other question."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

from retrieval.images import Picture, Problem, ReadLimits
from retrieval.images.isolation.pictures import pixels_of_upload, read_picture
from retrieval.library import Library
from retrieval.query import Query, Term
from retrieval.search.query_vectors import unusable
from retrieval.server.library_thread import LibraryThread
from retrieval.specs import Preprocessing


def decoded(query: Query, library_thread: LibraryThread) -> Query:
    """Return a query with its pictures decoded, for a thread that may wait.

    A picture that the library has stays as it is: its vector is stored. Raises PictureError for
    one that cannot be read.
    """
    terms = tuple(
        replace(term, value=_decoded(term, library_thread)) if term.kind == "picture" else term
        for term in query.terms
    )
    return Query(terms)


def _decoded(term: Term, library_thread: LibraryThread) -> Picture | str | bytes:
    value: str | bytes = term.value
    preprocessing = library_thread.call(_preprocessing).result()

    def wanted(sha256: bytes) -> bool:
        return not library_thread.call(lambda library: _has(library, sha256)).result()

    if isinstance(value, bytes):
        sha256 = hashlib.sha256(value).digest()
        if not wanted(sha256):
            return value
        return Picture(sha256, len(value), 0, pixels_of_upload(value, preprocessing), None)
    path = os.path.expanduser(value)
    result = read_picture(path, preprocessing, ReadLimits(), wanted)
    if isinstance(result, Problem):
        raise unusable(path, result)
    return value if result.pixels is None else result


def _preprocessing(library: Library) -> Preprocessing:
    return library.model.preprocessing


def _has(library: Library, sha256: bytes) -> bool:
    with library.stored_vectors() as vector:
        return vector(sha256) is not None
