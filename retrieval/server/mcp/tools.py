"""The tools. Over HTTP, they open only indexed files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from retrieval.catalogue import ImageRow
from retrieval.errors import ModelError, QueryError
from retrieval.library import Library
from retrieval.query import Query, Term
from retrieval.query.spelling import absolute
from retrieval.search.results import SearchResult
from retrieval.server.library_thread import LibraryThread, Request
from retrieval.server.mcp.answers import Described, Hits, Holdings, described, hits_of, holdings
from retrieval.server.mcp.arguments import (
    DescribeImage,
    LibraryStatus,
    SearchImages,
    SimilarImages,
)
from retrieval.server.mcp.collecting import CollectingTools
from retrieval.server.mcp.images import as_jpeg, seen
from retrieval.server.mcp.tool import Answer, Tool
from retrieval.server.paths import refuse_paths
from retrieval.server.query_pictures import decoded
from retrieval.server.search_fields import MOST_HITS
from retrieval.tagging.describing import Description

T = TypeVar("T")


class McpTools:
    """The tools of one library, which they reach through its thread.

    With `files`, assistants may search with any picture file on this machine. `thumbnails` is the
    folder of cached thumbnails.
    """

    def __init__(self, library_thread: LibraryThread, thumbnails: str, *, files: bool) -> None:
        self._library_thread = library_thread
        self._thumbnails, self._files = thumbnails, files

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools."""
        own = " or like any picture file on this machine" if self._files else ""
        return (
            Tool(
                "search_images",
                "Search pictures",
                "Find the user's pictures by what they show, with words, example pictures and "
                "filters; best first. The first hits include small pictures: look at them before "
                "you answer, because the nearest picture may still be a wrong one. To refine, use "
                "like and unlike, or #id in the query.",
                SearchImages,
                Hits,
                self.search,
            ),
            Tool(
                "similar_images",
                "Similar pictures",
                f"Find pictures that look like one in the library{own}; best first, without that "
                "picture itself. To add words, use search_images: #17 + in the snow.",
                SimilarImages,
                Hits,
                self.similar,
            ),
            Tool(
                "describe_image",
                "Describe a picture",
                "Show a picture of the library in a larger size, with everything known about it: "
                "files, date, camera, place, captions, text read in the picture, tags, and the "
                "nearest everyday phrases.",
                DescribeImage,
                Described,
                self.describe,
            ),
            Tool(
                "library_status",
                "What the library holds",
                "The number of pictures, the indexed folders, the language that the model "
                "understands, and the tags and concepts that searches can use.",
                LibraryStatus,
                Holdings,
                self.status,
            ),
            *CollectingTools(self._library_thread, self._thumbnails, files=self._files).tools(),
        )

    async def search(self, request: SearchImages) -> Answer:
        """Search with a query, or list the pictures that match a filter."""
        listing = request.where.strip() and not request.query.strip()
        query = None if listing else Query.parse(request.query)
        refuse_paths(query, files=self._files)
        options = request.options

        def run(library: Library, asked: Query | None) -> SearchResult:
            return library.answer(asked, options)

        return await self._answer(query, run, request)

    async def similar(self, request: SimilarImages) -> Answer:
        """Search with one picture."""
        image = await self._image(request.id, request.path)
        if image is not None:
            query = Query((Term("indexed", image.id),))
        elif self._files and "\0" not in request.path:
            path = absolute(request.path)
            query = Query((Term("picture", path),))
        else:
            raise _unknown(request.path)

        def run(library: Library, asked: Query | None) -> SearchResult:
            k = min(request.offset + request.limit, MOST_HITS)
            return library.search(asked, k, where=request.where.strip() or None)

        return await self._answer(query, run, request)

    async def describe(self, request: DescribeImage) -> Answer:
        """Return everything known about a picture of the library, and the picture."""
        image = await self._image(request.id, request.path)
        if image is None:
            raise _unknown(request.path)

        def run(library: Library) -> Described:
            near, note = _descriptions(library, image.id, request.descriptions)
            texts, tags = library.texts.of(image.id), library.tags.of(image.id)
            albums = library.albums.of(image.id)
            return described(image, texts, tags, albums, near, note)

        facts = await self._call(run)
        wanted = [image] if request.image_size else []
        return Answer(facts, await seen(wanted, request.image_size, self._thumbnails))

    async def status(self, _: LibraryStatus) -> Answer:
        """Return what the library holds."""
        return Answer(await self._call(holdings), [])

    async def image(self, image_id: int) -> ImageRow:
        """Return the facts of a picture; QueryError if the library does not have it."""
        found = await self._call(lambda library: library.image(image_id))
        if found is None:
            raise QueryError(
                f"there is no picture #{image_id} in this library",
                "use an id from the search results; if the library has changed, search again",
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
        run: Callable[[Library, Query | None], SearchResult],
        request: SearchImages | SimilarImages,
    ) -> Answer:
        asked = query
        if query is not None and any(term.kind == "picture" for term in query.terms):
            asked = await asyncio.to_thread(decoded, query, self._library_thread)
        asking = Request(asked, lambda library: run(library, asked))
        result = await asyncio.wrap_future(self._library_thread.ask(asking))
        text = "" if query is None else str(query)
        facts = hits_of(text, request.where, result, request.offset)
        shown = [found.id for found in facts.hits[: request.images]]
        images = await self._call(lambda library: [library.image(each) for each in shown])
        there = [image for image in images if image is not None]
        return Answer(facts, await seen(there, request.image_size, self._thumbnails))

    async def _call(self, function: Callable[[Library], T]) -> T:
        return await asyncio.wrap_future(self._library_thread.call(function))


def _descriptions(
    library: Library, image_id: int, count: int
) -> tuple[tuple[Description, ...], str]:
    """Return the nearest descriptions, and a note if the model cannot be loaded."""
    if count == 0:
        return (), ""
    try:
        return library.describe(Query((Term("indexed", image_id),)), k=count), ""
    except ModelError as error:
        return (), f"No descriptions: {error.message}. {error.hint}".strip()


def _unknown(path: str) -> QueryError:
    return QueryError(
        f"{path} is not a picture of this library",
        "search_images finds pictures and their ids; to add a folder: pixtrieve index FOLDER",
    )
