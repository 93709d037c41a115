"""Pixtrieve finds pictures by what they show.

>>> from retrieval import Library
>>> with Library.open("index_data", create=True) as library:  # doctest: +SKIP
...     library.add("~/Pictures")
...     for hit in library.search("two dogs on a beach", k=5):
...         print(f"{hit.score:.3f}  {hit.path}")

Importing this package loads neither torch nor faiss; a model or an index loads them when needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrieval.catalogue import Counts, ImageRow, ModelStatus, ProblemRow, Root
    from retrieval.catalogue.facets import Facet
    from retrieval.catalogue.relocation import MovedFolder
    from retrieval.duplicates.finding import Duplicates
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
        NameTaken,
        PictureError,
        PixtrieveError,
        QueryError,
        StoreError,
    )
    from retrieval.folder.backup import Backup, Restored
    from retrieval.folder.doctor import Checkup, Finding
    from retrieval.folder.edits import Edits
    from retrieval.folder.relocating import Relocated
    from retrieval.folder.status import FolderStatus, Status
    from retrieval.folder.store import LibraryStore, StoreStatus
    from retrieval.images import ReadLimits
    from retrieval.indexing.progress import IndexOptions, Progress, Tally, Trouble
    from retrieval.indexing.stopwatch import Spent
    from retrieval.library import Library
    from retrieval.map import LibraryMap
    from retrieval.map.records import Map, MapProgress, Region
    from retrieval.query import Query, Term
    from retrieval.query.options import SearchOptions
    from retrieval.query.where import Condition
    from retrieval.search.results import Group, Hit, Member, SearchResult, TermScore
    from retrieval.search.text_search import Snippet
    from retrieval.search.timeline import Timeline
    from retrieval.specs import ModelSpec, Preprocessing
    from retrieval.tagging.albums import Added, Album, Albums, Moved
    from retrieval.tagging.classifying import Classified
    from retrieval.tagging.concepts import Concept, Concepts
    from retrieval.tagging.corpora import Corpus, read_corpus
    from retrieval.tagging.describing import Description
    from retrieval.tagging.favourites import Favourites
    from retrieval.tagging.labels import Tags
    from retrieval.tagging.saved import SavedSearches
    from retrieval.tagging.saved_answers import SavedAnswer, SavedLook, SavedSearch
    from retrieval.texts import Texts
    from retrieval.watching.watcher import Delayed, WatchControl, Watching, WatchTiming

    __version__: str

# Names are imported on first use: commands and worker processes start fast.
_PLACES = {
    "Added": "retrieval.tagging.albums",
    "Album": "retrieval.tagging.albums",
    "Albums": "retrieval.tagging.albums",
    "Backup": "retrieval.folder.backup",
    "Checkup": "retrieval.folder.doctor.findings",
    "Classified": "retrieval.tagging.classifying",
    "Concept": "retrieval.tagging.concepts",
    "Concepts": "retrieval.tagging.concepts",
    "Condition": "retrieval.query.where",
    "Corpus": "retrieval.tagging.corpora",
    "Counts": "retrieval.catalogue",
    "Delayed": "retrieval.watching.watcher",
    "Description": "retrieval.tagging.describing",
    "Duplicates": "retrieval.duplicates.finding",
    "Edits": "retrieval.folder.edits",
    "Encoder": "retrieval.encoders",
    "Facet": "retrieval.catalogue.facets",
    "Favourites": "retrieval.tagging.favourites",
    "Finding": "retrieval.folder.doctor.findings",
    "FolderStatus": "retrieval.folder.status",
    "Group": "retrieval.search.results",
    "Hit": "retrieval.search.results",
    "ImageRow": "retrieval.catalogue",
    "IndexOptions": "retrieval.indexing.progress",
    "Library": "retrieval.library",
    "LibraryBusy": "retrieval.errors",
    "LibraryError": "retrieval.errors",
    "LibraryMap": "retrieval.map",
    "LibraryNotFound": "retrieval.errors",
    "LibraryStore": "retrieval.folder.store",
    "LibraryTooNew": "retrieval.errors",
    "Map": "retrieval.map.records",
    "MapProgress": "retrieval.map.records",
    "Member": "retrieval.search.results",
    "MissingExtra": "retrieval.errors",
    "ModelError": "retrieval.errors",
    "ModelMismatch": "retrieval.errors",
    "ModelNotFound": "retrieval.errors",
    "ModelSpec": "retrieval.specs",
    "ModelStatus": "retrieval.catalogue",
    "ModelUnavailable": "retrieval.errors",
    "Moved": "retrieval.tagging.albums",
    "MovedFolder": "retrieval.catalogue.relocation",
    "NameTaken": "retrieval.errors",
    "PictureError": "retrieval.errors",
    "PixtrieveError": "retrieval.errors",
    "Preprocessing": "retrieval.specs",
    "ProblemRow": "retrieval.catalogue",
    "Progress": "retrieval.indexing.progress",
    "Query": "retrieval.query",
    "QueryError": "retrieval.errors",
    "ReadLimits": "retrieval.images",
    "Region": "retrieval.map.records",
    "Relocated": "retrieval.folder.relocating",
    "Restored": "retrieval.folder.backup",
    "Root": "retrieval.catalogue",
    "SavedAnswer": "retrieval.tagging.saved_answers",
    "SavedLook": "retrieval.tagging.saved_answers",
    "SavedSearch": "retrieval.tagging.saved_answers",
    "SavedSearches": "retrieval.tagging.saved",
    "SearchOptions": "retrieval.query.options",
    "SearchResult": "retrieval.search.results",
    "Snippet": "retrieval.search.text_search",
    "Spent": "retrieval.indexing.stopwatch",
    "Status": "retrieval.folder.status",
    "StoreError": "retrieval.errors",
    "StoreStatus": "retrieval.folder.store",
    "Tags": "retrieval.tagging.labels",
    "Tally": "retrieval.indexing.progress",
    "Term": "retrieval.query",
    "TermScore": "retrieval.search.results",
    "Texts": "retrieval.texts",
    "Timeline": "retrieval.search.timeline",
    "Trouble": "retrieval.indexing.progress",
    "WatchControl": "retrieval.watching.watcher",
    "WatchTiming": "retrieval.watching.watcher",
    "Watching": "retrieval.watching.watcher",
    "read_corpus": "retrieval.tagging.corpora",
}

__all__ = [
    "Added",
    "Album",
    "Albums",
    "Backup",
    "Checkup",
    "Classified",
    "Concept",
    "Concepts",
    "Condition",
    "Corpus",
    "Counts",
    "Delayed",
    "Description",
    "Duplicates",
    "Edits",
    "Encoder",
    "Facet",
    "Favourites",
    "Finding",
    "FolderStatus",
    "Group",
    "Hit",
    "ImageRow",
    "IndexOptions",
    "Library",
    "LibraryBusy",
    "LibraryError",
    "LibraryMap",
    "LibraryNotFound",
    "LibraryStore",
    "LibraryTooNew",
    "Map",
    "MapProgress",
    "Member",
    "MissingExtra",
    "ModelError",
    "ModelMismatch",
    "ModelNotFound",
    "ModelSpec",
    "ModelStatus",
    "ModelUnavailable",
    "Moved",
    "MovedFolder",
    "NameTaken",
    "PictureError",
    "PixtrieveError",
    "Preprocessing",
    "ProblemRow",
    "Progress",
    "Query",
    "QueryError",
    "ReadLimits",
    "Region",
    "Relocated",
    "Restored",
    "Root",
    "SavedAnswer",
    "SavedLook",
    "SavedSearch",
    "SavedSearches",
    "SearchOptions",
    "SearchResult",
    "Snippet",
    "Spent",
    "Status",
    "StoreError",
    "StoreStatus",
    "Tags",
    "Tally",
    "Term",
    "TermScore",
    "Texts",
    "Timeline",
    "Trouble",
    "WatchControl",
    "WatchTiming",
    "Watching",
    "read_corpus",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("pixtrieve")
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'retrieval' has no attribute {name!r}")
