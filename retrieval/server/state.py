"""What the routes share: the library thread, background jobs, searches and responses."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import HTTPException, Response
from pydantic import BaseModel, Field, create_model
from starlette.concurrency import run_in_threadpool

from retrieval.catalogue import ImageRow
from retrieval.folder.session import thumbnails_folder
from retrieval.library import Library
from retrieval.query import Query as Question
from retrieval.query.options import OPTIONS, SearchOptions, Sort
from retrieval.search.results import SearchResult
from retrieval.server.indexing import IndexingRun
from retrieval.server.jobs import DuplicatesJob, MapJob
from retrieval.server.library_thread import LibraryThread, Request
from retrieval.server.often import Often
from retrieval.server.placeholders import Placeholders
from retrieval.server.query_pictures import decoded
from retrieval.server.search_fields import MOST_HITS, MOST_LETTERS, options_of, search_fields
from retrieval.server.timelines import FIRST, Timelines, tiles

T = TypeVar("T")

PictureId = Annotated[int, Field(ge=1, le=2**62)]


class SearchRequestBase(BaseModel):
    """A query, and which page of the hits to return."""

    q: Annotated[
        str, Field(max_length=MOST_LETTERS, description="the query, as in the search box")
    ] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 60
    offset: Annotated[int, Field(ge=0, le=MOST_HITS)] = 0

    @property
    def options(self) -> SearchOptions:
        """The search options of the request."""
        return options_of(self, min(self.offset + self.limit, MOST_HITS))

    @property
    def filter(self) -> str:
        """The text of the filter, "" for none."""
        return str(getattr(self, "where", ""))


_UPLOADS = 2  # as many are decoded side by side
_EXAMPLES = list[PictureId]
_NAMES = [name for name in OPTIONS if name != "k"]

if TYPE_CHECKING:
    SearchRequest = SearchRequestBase
else:
    SearchRequest = create_model(
        "SearchRequest",
        __base__=SearchRequestBase,
        **search_fields(_NAMES, {"like": _EXAMPLES, "unlike": _EXAMPLES}),
    )
"""The parameters of `/api/search`: a query, and every search option."""


class State:
    """What the routes share."""

    def __init__(self, path: str, device: str, moves_to: str | None = None) -> None:
        """`moves_to` is the folder for redundant files; with None, no file is moved."""
        self.path, self._device, self.moves_to = path, device, moves_to
        self.library_thread = LibraryThread(path, device)
        # Lists all pictures on a thread of its own, so that neither it nor a search waits.
        self._listing = LibraryThread(path, device, lazy=True)
        # Reads what tiles show, so that neither the event loop nor a list of all waits for it.
        self._tiles = LibraryThread(path, device, lazy=True)
        self.timelines = Timelines()
        self.often = Often()
        self._uploads = ThreadPoolExecutor(_UPLOADS, "uploads")
        self.thumbnails = thumbnails_folder(path)
        self.placeholders = Placeholders(self.thumbnails)
        self.indexing = IndexingRun(path, device, self.open)
        self.map_job = MapJob("map", self.open)
        self.duplicates_job = DuplicatesJob("duplicates", self.open)

    async def call(self, function: Callable[[Library], T]) -> T:
        """Run a function on the thread that owns the library, and wait for it."""
        return await asyncio.wrap_future(self.library_thread.call(function))

    def warm(self) -> None:
        """Begin to read what the first page shows, so that it need not wait for it."""
        first = (self.listed("", "date-desc", FIRST), self.beside(self.often.names))
        self._warming = asyncio.gather(*first, return_exceptions=True)

    async def listed(self, where: str, sort: Sort | None, first: int) -> bytes:
        """Return as JSON the pictures that match a filter, in order, and the tiles of the first."""
        order = await self.beside(lambda library: self.timelines.order(library, where, sort))
        key = (first, len(self.placeholders))
        if key not in order.answers:
            tiles = await self.shown(order.ids[:first].tolist())
            order.answers.clear()
            order.answers[key] = bytes(as_json({**order.facts, "pictures": tiles}).body)
        return order.answers[key]

    async def shown(self, image_ids: list[int]) -> list[dict[str, Any] | None]:
        """Return what tiles show of pictures; None for one that left."""
        return await self.for_tiles(lambda library: tiles(library, image_ids, self.placeholders))

    async def beside(self, function: Callable[[Library], T]) -> T:
        """Run a function on the thread that lists pictures, and wait for it."""
        return await asyncio.wrap_future(self._listing.call(function))

    async def for_tiles(self, function: Callable[[Library], T]) -> T:
        """Run a function on the thread that reads what tiles show, and wait for it."""
        return await asyncio.wrap_future(self._tiles.call(function))

    async def aside(self, function: Callable[[Library], T]) -> T:
        """Run a slow function with its own `Library`, so that searches need not wait."""

        def run() -> T:
            with self.open() as library:
                return function(library)

        return await run_in_threadpool(run)

    def open(self) -> Library:
        """Open the library for another thread."""
        return Library.open(self.path, device=self._device)

    async def image(self, image_id: int) -> ImageRow:
        """Return the facts of a picture; 404 if the library does not have it."""
        return await self.call(lambda library: image_of(library, image_id))

    async def decoded(self, query: Question) -> Question:
        """Return a query with its uploaded pictures decoded; others wait for their turn."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._uploads, decoded, query, self.library_thread)

    async def answer(self, request: SearchRequest, query: Question | None) -> Response:
        """Search, and return the requested page of hits and the time it took."""
        began = time.perf_counter()

        options = request.options

        def run(library: Library) -> SearchResult:
            return library.answer(query, options)

        # When the user types the next letter, the browser cancels this request and its future.
        result = await asyncio.wrap_future(self.library_thread.ask(Request(query, run)))
        found = result.to_dict()
        # Page by rank: `sort` puts the hits in another order.
        found["hits"] = [hit for hit in found["hits"] if hit["rank"] > request.offset]
        await self.for_tiles(lambda library: self._add_placeholders(library, found["hits"]))
        facts = {
            "query": "" if query is None else str(query),
            "where": request.filter,
            "seconds": round(time.perf_counter() - began, 4),
        }
        return as_json({**facts, **found})

    def _add_placeholders(self, library: Library, hits: list[dict[str, Any]]) -> None:
        """Add to each hit what is drawn until its thumbnail is there."""
        known = {hit["id"]: self.placeholders.of(bytes.fromhex(hit["sha256"])) for hit in hits}
        lacking = [image_id for image_id, found in known.items() if not found]
        known |= library.timeline.greys(lacking)
        for hit in hits:
            hit["placeholder"] = b64encode(known[hit["id"]]).decode()

    def close(self) -> None:
        """Stop all background jobs, and close the library."""
        self.indexing.close()
        self.map_job.close()
        self.duplicates_job.close()
        self._uploads.shutdown(cancel_futures=True)
        self._listing.close()
        self._tiles.close()
        self.library_thread.close()


def image_of(library: Library, image_id: int) -> ImageRow:
    """Return the facts of a picture; 404 if the library does not have it."""
    found = library.image(image_id)
    if found is None:
        raise HTTPException(404, f"there is no picture #{image_id} in this library")
    return found


def as_json(value: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    # ASCII only: a file name that is not valid text has lone surrogates.
    return Response(json.dumps(value), status, media_type="application/json")
