"""The tools for albums, favourites and saved searches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field

from retrieval.library import Library
from retrieval.query import Query
from retrieval.server.asking_saved import ask_saved, count_saved
from retrieval.server.library_thread import LibraryThread
from retrieval.server.mcp.answers import Hits, Text, hits_of
from retrieval.server.mcp.arguments import (
    CollectPictures,
    ListCollections,
    OpenSavedSearch,
    SaveSearch,
)
from retrieval.server.mcp.images import seen
from retrieval.server.mcp.tool import Answer, Tool
from retrieval.server.paths import refuse_paths
from retrieval.tagging.albums import Album
from retrieval.tagging.saved_answers import SavedSearch

T = TypeVar("T")


class AlbumFound(BaseModel):
    """An album."""

    name: Text
    pictures: int
    first: Annotated[Text, Field(description="The date of its oldest picture.")] = ""
    last: Annotated[Text, Field(description="The date of its newest picture.")] = ""


class SavedFound(BaseModel):
    """A saved search."""

    name: Text
    query: Text = ""
    where: Text = ""
    min_confidence: float = 0.0
    new: Annotated[
        int | None, Field(description="How many of its pictures the user has not seen.")
    ] = None
    trouble: Annotated[Text, Field(description="Why it cannot be asked.")] = ""


class Collections(BaseModel):
    """Albums, favourites and saved searches."""

    albums: list[AlbumFound]
    favourites: int
    saved: list[SavedFound]


class Collected(BaseModel):
    """What was changed."""

    album: Text = ""
    changed: Annotated[int, Field(description="How many pictures came into it, or left it.")] = 0
    pictures: Annotated[int, Field(description="How many pictures the album has now.")] = 0
    marked: Annotated[int, Field(description="How many favourites came, or went.")] = 0


class CollectingTools:
    """The tools of one library, which they reach through its thread: see `tools.McpTools`."""

    def __init__(self, library_thread: LibraryThread, thumbnails: str, *, files: bool) -> None:
        self._library_thread = library_thread
        self._thumbnails, self._files = thumbnails, files

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools."""
        return (
            Tool(
                "list_collections",
                "Albums and saved searches",
                "The user's albums, how many favourites there are, and the saved searches with "
                "how many of their pictures are new. To see an album: search_images with where: "
                "album = 'Holiday'. To see the favourites: where: favourite.",
                ListCollections,
                Collections,
                self.collections,
            ),
            Tool(
                "open_saved_search",
                "Pictures of a saved search",
                "Answer one of the user's saved searches, all of it or only what is new.",
                OpenSavedSearch,
                Hits,
                self.open,
            ),
            Tool(
                "collect_pictures",
                "Put pictures into an album",
                "Put pictures into an album, or mark them as favourites; or take them out again. "
                "No file is changed.",
                CollectPictures,
                Collected,
                self.collect,
                changes=True,
            ),
            Tool(
                "save_search",
                "Save a search",
                "Save a search under a name, as an album that fills itself: question, filter and "
                "least confidence (0.5 if none is given).",
                SaveSearch,
                SavedFound,
                self.save,
                changes=True,
            ),
        )

    async def collections(self, _: ListCollections) -> Answer:
        """Return the albums and the saved searches."""

        def run(library: Library) -> tuple[list[Album], int, list[SavedSearch]]:
            marked = library.favourites.pictures(1).searched
            return library.albums.all(), marked, library.saved.all()

        albums, favourites, searches = await self._call(run)
        facts = Collections(
            albums=[
                AlbumFound(name=a.name, pictures=a.pictures, first=a.first[:10], last=a.last[:10])
                for a in albums
            ],
            favourites=favourites,
            saved=[await self._counted(search) for search in searches],
        )
        return Answer(facts, [])

    async def open(self, request: OpenSavedSearch) -> Answer:
        """Answer a saved search; this is no look of the user's."""
        found = await ask_saved(self._library_thread, request.name, files=self._files)
        result = found.only_new() if request.new else found.result
        search = found.search
        facts = hits_of(search.question, search.where, result, 0)
        facts.hits = facts.hits[request.offset : request.offset + request.limit]
        shown = [hit.id for hit in facts.hits[: request.images]]
        images = await self._call(lambda library: [library.image(each) for each in shown])
        there = [image for image in images if image is not None]
        return Answer(facts, await seen(there, request.image_size, self._thumbnails))

    async def collect(self, request: CollectPictures) -> Answer:
        """Put pictures into an album, or mark them; or the opposite."""

        def run(library: Library) -> Collected:
            facts = Collected()
            if request.album.strip():
                if request.remove:
                    facts.changed = library.albums.remove(request.album, request.ids)
                else:
                    facts.changed = library.albums.add(request.album, request.ids).added
                album = library.albums.named(request.album)
                facts.album, facts.pictures = album.name, album.pictures
            if request.favourite:
                favourites = library.favourites
                change = favourites.remove if request.remove else favourites.add
                facts.marked = change(request.ids)
            return facts

        return Answer(await self._call(run), [])

    async def save(self, request: SaveSearch) -> Answer:
        """Save a search."""
        listing = request.where.strip() and not request.query.strip()
        query = None if listing else Query.parse(request.query)
        refuse_paths(query, files=self._files)
        options = request.options
        search = await self._call(
            lambda library: library.saved.add(
                request.name, query, options, replacing=request.replace
            )
        )
        return Answer(_found(search, 0), [])

    async def _counted(self, search: SavedSearch) -> SavedFound:
        return _found(*await count_saved(self._library_thread, search, files=self._files))

    async def _call(self, function: Callable[[Library], T]) -> T:
        return await asyncio.wrap_future(self._library_thread.call(function))


def _found(search: SavedSearch, new: int | None) -> SavedFound:
    return SavedFound(
        name=search.name,
        query=search.question,
        where=search.where,
        min_confidence=search.min_confidence,
        new=new,
        trouble=search.trouble,
    )
