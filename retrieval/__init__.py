"""Pixtrieve finds pictures by what is in them.

>>> from retrieval import Library
>>> with Library.create("index_data", "local-dir:/models/x") as library:  # doctest: +SKIP
...     library.add("~/Pictures")
...     for hit in library.search("two dogs on a beach", k=5).hits:
...         print(f"{hit.score:.3f}  {hit.path}")

Importing this loads neither torch nor faiss; they come in when a model or an index is needed.
"""

from retrieval.catalogue import Counts, ImageRow, ProblemRow, Root
from retrieval.encoders import Encoder
from retrieval.errors import (
    LibraryBusy,
    LibraryError,
    LibraryNotFound,
    LibraryTooNew,
    MissingExtra,
    ModelError,
    ModelMismatch,
    ModelNotFound,
    ModelUnavailable,
    PictureError,
    PixtrieveError,
    QueryError,
)
from retrieval.folder.status import Status
from retrieval.images import ReadLimits
from retrieval.indexing.progress import IndexOptions, Progress, Tally, Trouble
from retrieval.indexing.stopwatch import Spent
from retrieval.library import Library
from retrieval.query import Query, Term
from retrieval.search.results import Hit, SearchResult, TermScore
from retrieval.specs import ModelSpec, Preprocessing

__all__ = [
    "Counts",
    "Encoder",
    "Hit",
    "ImageRow",
    "IndexOptions",
    "Library",
    "LibraryBusy",
    "LibraryError",
    "LibraryNotFound",
    "LibraryTooNew",
    "MissingExtra",
    "ModelError",
    "ModelMismatch",
    "ModelNotFound",
    "ModelSpec",
    "ModelUnavailable",
    "PictureError",
    "PixtrieveError",
    "Preprocessing",
    "ProblemRow",
    "Progress",
    "Query",
    "QueryError",
    "ReadLimits",
    "Root",
    "SearchResult",
    "Spent",
    "Status",
    "Tally",
    "Term",
    "TermScore",
    "Trouble",
]
