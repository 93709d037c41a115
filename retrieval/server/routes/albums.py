"""Albums and favourites. An album is shown by a search: `where` is album = 'Holiday'."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from retrieval.catalogue.albums import AlbumOrder
from retrieval.library import Library
from retrieval.query.names import LONGEST, name_key
from retrieval.server.search_fields import MOST_HITS
from retrieval.server.state import PictureId, State, as_json

Name = Annotated[str, Field(min_length=1, max_length=LONGEST)]
NamedInAddress = Annotated[str, Query(min_length=1, max_length=LONGEST)]
Pictures = Annotated[list[PictureId], Field(max_length=MOST_HITS)]


class Collected(BaseModel):
    """An album, and pictures by their ids."""

    name: Name
    pictures: Pictures = []


class ToAdd(Collected):
    """An album, and pictures to put into it."""

    new: Annotated[bool, Field(description="refuse the name of an album that there is")] = False


class Changed(BaseModel):
    """An album, and what to change; what is left out stays."""

    name: Name
    rename: Name | None = None
    order: AlbumOrder | None = None
    cover: Annotated[int, Field(ge=0, le=2**62, description="0: its first picture")] | None = None


class Moved(BaseModel):
    """Pictures of an album, and the place that the first of them gets, from 1."""

    name: Name
    pictures: Annotated[list[PictureId], Field(min_length=1, max_length=MOST_HITS)]
    to: Annotated[int, Field(ge=1, le=10**9)]


class Merged(BaseModel):
    """An album that is put into another one."""

    name: Name
    into: Name


class Marked(BaseModel):
    """Pictures by their ids, and whether they are favourites."""

    pictures: Annotated[list[PictureId], Field(min_length=1, max_length=MOST_HITS)]
    favourite: bool = True


def album_routes(state: State) -> APIRouter:
    """Return the router of albums as a whole."""
    routes = APIRouter()

    @routes.get("/albums")
    async def albums(
        name: Annotated[
            str, Query(max_length=LONGEST, description="only the album of that name")
        ] = "",
    ) -> Response:
        """List the albums, their counts, covers and dates."""
        found = await state.call(lambda library: library.albums.all())
        wanted = [each for each in found if not name or name_key(each.name) == name_key(name)]
        return as_json({"albums": [asdict(album) for album in wanted]})

    @routes.get("/albums/matching")
    async def matching(text: Annotated[str, Query(max_length=LONGEST)] = "") -> Response:
        """List the names of albums that contain a text, accents and case aside, the best first.

        `creates` is the name that an album called so would have, "" if there is one of that name.
        """
        names, creates = await state.call(lambda library: library.albums.matching(text))
        return as_json({"names": names, "creates": creates})

    @routes.post("/albums")
    async def add(body: ToAdd) -> Response:
        """Put pictures into an album, which is made if there is none."""
        done = await state.aside(
            lambda library: library.albums.add(body.name, body.pictures, new=body.new)
        )
        return as_json(asdict(done))

    @routes.patch("/albums")
    async def change(body: Changed) -> Response:
        """Rename an album, or set its order or its cover."""

        def run(library: Library) -> Response:
            albums = library.albums
            album = albums.named(body.name)
            if body.rename is not None:
                album = albums.rename(album.name, body.rename)
            if body.order is not None:
                album = albums.set_order(album.name, body.order)
            if body.cover is not None:
                album = albums.set_cover(album.name, body.cover or None)
            return as_json(asdict(album))

        return await state.aside(run)

    @routes.delete("/albums")
    async def delete(name: NamedInAddress) -> Response:
        """Delete an album; its pictures stay. Returns what it was."""
        return as_json(asdict(await state.aside(lambda library: library.albums.delete(name))))

    return routes


def collecting_routes(state: State) -> APIRouter:
    """Return the router of pictures in albums, and of favourites."""
    routes = APIRouter()

    @routes.post("/albums/remove")
    async def remove(body: Collected) -> Response:
        """Take pictures out of an album."""
        count = await state.aside(lambda library: library.albums.remove(body.name, body.pictures))
        return as_json({"removed": count})

    @routes.post("/albums/move")
    async def move(body: Moved) -> Response:
        """Move pictures within an album, in the order given; it is then in an order by hand."""
        done = await state.aside(
            lambda library: library.albums.move(body.name, body.pictures, body.to)
        )
        return as_json(asdict(done.album))

    @routes.post("/albums/merge")
    async def merge(body: Merged) -> Response:
        """Put the pictures of an album behind those of another one, and delete the first."""
        album = await state.aside(lambda library: library.albums.merge(body.name, body.into))
        return as_json(asdict(album))

    @routes.get("/pictures/{image_id}/albums")
    async def albums_of(image_id: PictureId) -> Response:
        """List the names of the albums that have a picture, and say whether it is a favourite."""
        image = await state.image(image_id)
        names = await state.call(lambda library: library.albums.of(image_id))
        return as_json({"albums": names, "favourite": image.favourite})

    @routes.post("/favourites")
    async def mark(body: Marked) -> Response:
        """Mark pictures as favourites, or take the mark off."""

        def run(library: Library) -> int:
            change = library.favourites.add if body.favourite else library.favourites.remove
            return change(body.pictures)

        return as_json({"changed": await state.aside(run)})

    return routes
