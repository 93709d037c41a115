"""What the routes share: the desk, where thumbnails lie, the indexing run, and how they answer."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import HTTPException, Response
from pydantic import BaseModel, Field, create_model
from starlette.concurrency import run_in_threadpool

from retrieval.catalogue import ImageRow
from retrieval.library import Library
from retrieval.query import Query as Question
from retrieval.query.options import OPTIONS, SearchOptions
from retrieval.search.results import SearchResult
from retrieval.server import library_thread as desks
from retrieval.server.indexing import IndexingRun
from retrieval.server.jobs import DuplicatesJob, MapJob
from retrieval.server.library_thread import LibraryThread
from retrieval.server.search_fields import MOST_HITS, MOST_LETTERS, options_of, search_fields

T = TypeVar("T")

PictureId = Annotated[int, Field(ge=1, le=2**62)]


class PlainSearch(BaseModel):
    """A question in its written form, and which of the hits are wanted."""

    q: Annotated[
        str, Field(max_length=MOST_LETTERS, description="the written form of a question")
    ] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 60
    offset: Annotated[int, Field(ge=0, le=MOST_HITS)] = 0

    @property
    def options(self) -> SearchOptions:
        """The options of the search that the request asks for."""
        return options_of(self, min(self.offset + self.limit, MOST_HITS))

    @property
    def filter(self) -> str:
        """The filter as it was written, "" for none."""
        return str(getattr(self, "where", ""))


_EXAMPLES = list[PictureId]
_NAMES = [name for name in OPTIONS if name != "k"]

if TYPE_CHECKING:
    SearchRequest = PlainSearch
else:
    SearchRequest = create_model(
        "SearchRequest",
        __base__=PlainSearch,
        **search_fields(_NAMES, {"like": _EXAMPLES, "unlike": _EXAMPLES}),
    )
"""What `/api/search` takes: a question, and every option of a search."""


class State:
    """What the routes share."""

    def __init__(self, path: str, device: str, moves_to: str | None = None) -> None:
        """`moves_to` is the folder for redundant files; None, and none is ever moved."""
        self.path, self._device, self.moves_to = path, device, moves_to
        self.desk = LibraryThread(path, device)
        self.thumbnails = os.path.join(path, "thumbnails")
        self.indexing = IndexingRun(self.open)
        self.map_job = MapJob("map", self.open)
        self.duplicates_job = DuplicatesJob("duplicates", self.open)

    async def call(self, function: Callable[[Library], T]) -> T:
        """Run something on the thread that owns the library, and wait for it."""
        return await asyncio.wrap_future(self.desk.call(function))

    async def aside(self, function: Callable[[Library], T]) -> T:
        """Run something that takes long with a library of its own, while questions go on."""

        def run() -> T:
            with self.open() as library:
                return function(library)

        return await run_in_threadpool(run)

    def open(self) -> Library:
        """Open the library once more, for one thread."""
        return Library.open(self.path, device=self._device)

    async def image(self, image_id: int) -> ImageRow:
        """Return what is known of a picture; 404 when there is none."""
        found = await self.call(lambda library: library.image(image_id))
        if found is None:
            raise HTTPException(404, f"there is no picture #{image_id} in this library")
        return found

    async def answer(self, asked: SearchRequest, query: Question | None) -> Response:
        """Ask, and give the page of the answer that is wanted, with its time."""
        began = time.perf_counter()

        options = asked.options

        def run(library: Library) -> SearchResult:
            return library.answer(query, options)

        # A browser that has gone on to the next letter cancels this, and the future with it.
        result = await asyncio.wrap_future(self.desk.ask(desks.Request(query, run)))
        found = result.to_dict()
        # By rank: with `sort` the best so many come in another order.
        found["hits"] = [hit for hit in found["hits"] if hit["rank"] > asked.offset]
        facts = {
            "query": "" if query is None else str(query),
            "where": asked.filter,
            "seconds": round(time.perf_counter() - began, 4),
        }
        return as_json({**facts, **found})

    def close(self) -> None:
        """Stop indexing, and close the library."""
        self.indexing.close()
        self.map_job.close()
        self.duplicates_job.close()
        self.desk.close()


def as_json(value: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    # ASCII only: a file's name may hold bytes that are no text, as lone surrogates.
    return Response(json.dumps(value), status, media_type="application/json")
