"""The four tools. Whoever asks over HTTP gets nothing opened that is not indexed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mcp.types import ContentBlock
from pydantic import BaseModel

from retrieval.catalogue import ImageRow
from retrieval.errors import ModelError, QueryError
from retrieval.library import Library
from retrieval.query import Query, Term
from retrieval.search.results import SearchResult
from retrieval.server.library_thread import LibraryThread, Request
from retrieval.server.mcp.answers import Described, Hits, Holdings, described, hits_of, holdings
from retrieval.server.mcp.arguments import (
    DescribeImage,
    LibraryStatus,
    SearchImages,
    SimilarImages,
)
from retrieval.server.mcp.images import as_jpeg, seen
from retrieval.server.paths import refuse_paths
from retrieval.server.search_fields import MOST_HITS
from retrieval.tagging.describing import Description

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answers with: facts, and pictures to look at."""

    facts: BaseModel
    pictures: list[ContentBlock]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it is asked (`arguments`), what it answers, and what it does."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    answer: type[BaseModel]
    run: Callable[[Any], Awaitable[Answer]]


class McpTools:
    """Where assistants ask: the desk's questions as tools.

    `files` lets them ask with any picture file of this machine. `thumbnails` is the folder where
    small pictures are kept.
    """

    def __init__(self, desk: LibraryThread, thumbnails: str, *, files: bool) -> None:
        self._desk, self._thumbnails, self._files = desk, thumbnails, files

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools."""
        own = " or any picture file of this machine" if self._files else ""
        return (
            Tool(
                "search_images",
                "Search pictures",
                "Find the user's pictures by what is in them, with words, example pictures and "
                "filters; best first. The first hits come with small pictures: look at them before "
                "you answer, for a hit is only the nearest there is. Follow up with like and "
                "unlike, or with #id in the query.",
                SearchImages,
                Hits,
                self.search,
            ),
            Tool(
                "similar_images",
                "Similar pictures",
                f"Find pictures that look like one of the library{own}; best first, without that "
                "picture itself. To add words, use search_images: #17 + in the snow.",
                SimilarImages,
                Hits,
                self.similar,
            ),
            Tool(
                "describe_image",
                "Describe a picture",
                "See a picture of the library, larger, with all that is known of it: files, date, "
                "camera, place, captions and read text, tags, and the nearest everyday phrases.",
                DescribeImage,
                Described,
                self.describe,
            ),
            Tool(
                "library_status",
                "What the library holds",
                "How many pictures there are, of which folders, what language the model "
                "understands, and which tags and concepts one can ask with.",
                LibraryStatus,
                Holdings,
                self.status,
            ),
        )

    async def search(self, asked: SearchImages) -> Answer:
        """Search with a question in its written form, or list what fits a filter."""
        listing = asked.where.strip() and not asked.query.strip()
        query = None if listing else Query.parse(asked.query)
        refuse_paths(query, files=self._files)
        options = asked.options

        def run(library: Library) -> SearchResult:
            return library.answer(query, options)

        return await self._answer(query, run, asked)

    async def similar(self, asked: SimilarImages) -> Answer:
        """Search with one picture."""
        image = await self._image(asked.id, asked.path)
        if image is not None:
            query = Query((Term("indexed", image.id),))
        elif self._files and "\0" not in asked.path:
            path = os.path.abspath(os.path.expanduser(asked.path))
            query = Query((Term("picture", path),))
        else:
            raise _unknown(asked.path)

        def run(library: Library) -> SearchResult:
            k = min(asked.offset + asked.limit, MOST_HITS)
            return library.search(query, k, where=asked.where.strip() or None)

        return await self._answer(query, run, asked)

    async def describe(self, asked: DescribeImage) -> Answer:
        """Tell what is known of a picture of the library, and show it."""
        image = await self._image(asked.id, asked.path)
        if image is None:
            raise _unknown(asked.path)

        def run(library: Library) -> Described:
            near, note = _descriptions(library, image.id, asked.descriptions)
            texts, tags = library.texts.of(image.id), library.tags.of(image.id)
            return described(image, texts, tags, near, note)

        facts = await self._call(run)
        wanted = [image] if asked.image_size else []
        return Answer(facts, await seen(wanted, asked.image_size, self._thumbnails))

    async def status(self, _: LibraryStatus) -> Answer:
        """Tell what the library holds."""
        return Answer(await self._call(holdings), [])

    async def image(self, image_id: int) -> ImageRow:
        """Return a picture of the library; QueryError when there is none."""
        found = await self._call(lambda library: library.image(image_id))
        if found is None:
            raise QueryError(
                f"there is no picture #{image_id} in this library",
                "ids are those of hits; after changes to the library, search again",
            )
        return found

    async def picture(self, image_id: int, side: int) -> bytes:
        """Return a picture of the library as a JPEG; QueryError or PictureError if it is gone."""
        image = await self.image(image_id)
        return await asyncio.to_thread(as_jpeg, image, side, self._thumbnails)

    async def _image(self, image_id: int | None, path: str) -> ImageRow | None:
        if image_id is not None:
            return await self.image(image_id)
        return await self._call(lambda library: library.image_at(path))

    async def _answer(
        self,
        query: Query | None,
        run: Callable[[Library], SearchResult],
        asked: SearchImages | SimilarImages,
    ) -> Answer:
        result = await asyncio.wrap_future(self._desk.ask(Request(query, run)))
        text = "" if query is None else str(query)
        facts = hits_of(text, asked.where, result, asked.offset)
        shown = [found.id for found in facts.hits[: asked.images]]
        images = await self._call(lambda library: [library.image(each) for each in shown])
        there = [image for image in images if image is not None]
        return Answer(facts, await seen(there, asked.image_size, self._thumbnails))

    async def _call(self, function: Callable[[Library], T]) -> T:
        return await asyncio.wrap_future(self._desk.call(function))


def _descriptions(
    library: Library, image_id: int, count: int
) -> tuple[tuple[Description, ...], str]:
    """Return the nearest descriptions, and why there are none if the model cannot be loaded."""
    if count == 0:
        return (), ""
    try:
        return library.describe(Query((Term("indexed", image_id),)), k=count), ""
    except ModelError as error:
        return (), f"No descriptions: {error.message}. {error.hint}".strip()


def _unknown(path: str) -> QueryError:
    return QueryError(
        f"{path} is not a picture of this library",
        "search_images finds pictures and their ids; new folders are indexed with: pixtrieve index",
    )
