"""What the routes share: the desk, where thumbnails lie, the indexing run, and how they answer."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import HTTPException, Query, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from retrieval.catalogue import ImageRow
from retrieval.library import Library
from retrieval.query import terms as written
from retrieval.search.answers import as_object
from retrieval.server import library_thread as desks
from retrieval.server.drawing import MapJob
from retrieval.server.indexing import IndexingRun
from retrieval.server.library_thread import LibraryThread
from retrieval.server.reviewing import DuplicatesJob

T = TypeVar("T")

MOST_HITS = 10_000
MOST_LETTERS = 2_000

PictureId = Annotated[int, Field(ge=1, le=2**62)]


class SearchRequest(BaseModel):
    """What one can add to a question, beside the question itself."""

    q: Annotated[
        str, Query(max_length=MOST_LETTERS, description="the written form of a question")
    ] = ""
    limit: Annotated[int, Query(ge=1, le=500)] = 60
    offset: Annotated[int, Query(ge=0, le=MOST_HITS)] = 0
    fuse: Literal["add", "multiply", "concatenate"] = "add"
    where: Annotated[str, Query(max_length=MOST_LETTERS, description="a filter")] = ""
    sort: Literal["date", "date-desc", "name", "size"] | None = None
    group: Literal["burst", "day", "folder"] | None = None
    diverse: bool = False
    look_in: Literal["all", "pictures", "texts"] = "all"
    include_self: bool = False
    min_confidence: Annotated[float, Query(ge=0, le=1)] = 0.0
    like: Annotated[list[PictureId], Query(description="pictures that are what is meant")] = []
    unlike: Annotated[list[PictureId], Query(description="pictures that are not")] = []
    explain: bool = False


class State:
    """What the routes share."""

    def __init__(self, path: str, device: str, moves_to: str | None = None) -> None:
        """`moves_to` is the folder for redundant files; None, and none is ever moved."""
        self.path, self._device, self.moves_to = path, device, moves_to
        self.desk = LibraryThread(path, device)
        self.thumbnails = os.path.join(path, "thumbnails")
        self.indexing = IndexingRun(self.open)
        self.drawer = MapJob(self.open)
        self.reviewer = DuplicatesJob(self.open)

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

    async def answer(self, asked: SearchRequest, query: written.Query | None) -> Response:
        """Ask, and give the page of the answer that is wanted, with its time."""
        began = time.perf_counter()

        def run(library: Library) -> Any:
            return library.search(
                query,
                min(asked.offset + asked.limit, MOST_HITS),
                where=asked.where or None,
                sort=asked.sort,
                group=asked.group,
                diverse=asked.diverse,
                fuse=asked.fuse,
                look_in=asked.look_in,
                include_self=asked.include_self,
                min_confidence=asked.min_confidence,
                like=asked.like,
                unlike=asked.unlike,
                explain=asked.explain,
            )

        # A browser that has gone on to the next letter cancels this, and the future with it.
        result = await asyncio.wrap_future(self.desk.ask(desks.Request(query, run)))
        found = as_object(result)
        # By rank: with `sort` the best so many come in another order.
        found["hits"] = [hit for hit in found["hits"] if hit["rank"] > asked.offset]
        facts = {
            "query": "" if query is None else str(query),
            "where": asked.where,
            "seconds": round(time.perf_counter() - began, 4),
        }
        return as_json({**facts, **found})

    def close(self) -> None:
        """Stop indexing, and close the library."""
        self.indexing.close()
        self.drawer.close()
        self.reviewer.close()
        self.desk.close()


def as_json(value: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    # ASCII only: a file's name may hold bytes that are no text, as lone surrogates.
    return Response(json.dumps(value), status, media_type="application/json")
