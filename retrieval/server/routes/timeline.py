"""The library without a question: all pictures in order, parts of that order, and places."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Path, Query, Response

from retrieval.query.options import Sort
from retrieval.search.timeline import PLACE_KM
from retrieval.server.search_fields import MOST_LETTERS
from retrieval.server.state import State, as_json
from retrieval.server.timelines import Order, Timelines

_MOST_PICTURES = 500
_MOST_IDS = 100_000

OrderName = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Offset = Annotated[int, Query(ge=0, le=10**9)]


def timeline_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()
    timelines = state.timelines

    @routes.get("/timeline")
    async def timeline(
        where: Annotated[str, Query(max_length=MOST_LETTERS)] = "",
        sort: Annotated[
            Sort | Literal["album"], Query(description="album: as the album of the filter has them")
        ] = "date-desc",
        first: Annotated[
            int, Query(ge=0, le=_MOST_PICTURES, description="also return so many `pictures`")
        ] = 0,
    ) -> Response:
        """List all pictures that match a filter: their order, shapes, and days with their counts.

        `ratios` has a byte of base64 for each picture: width / height is 6 ** (byte / 127.5 - 1).
        """
        answer = await state.listed(where.strip(), None if sort == "album" else sort, first)
        return Response(answer, media_type="application/json")

    @routes.get("/timeline/{order}/pictures")
    async def pictures(
        order: OrderName,
        offset: Offset = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_PICTURES)] = 200,
        page_of: Annotated[
            int, Query(ge=0, le=2**62, description="the id of a picture; 0: use `offset`")
        ] = 0,
    ) -> Response:
        """Return some pictures of an order: id, name, date, and so on; null for one that left.

        `page_of` names a picture: the order is cut into pages of `limit`, and its page is returned.
        """
        start, image_ids = await state.beside(
            lambda _: _part(_named(timelines, order), offset, limit, page_of)
        )
        return as_json({"offset": start, "pictures": await state.shown(image_ids)})

    @routes.get("/timeline/{order}/ids")
    async def ids(
        order: OrderName,
        offset: Offset = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_IDS)] = _MOST_IDS,
    ) -> Response:
        """Return ids of an order."""
        found = await state.beside(lambda _: _named(timelines, order))
        return as_json({"offset": offset, "ids": found.ids[offset : offset + limit].tolist()})

    @routes.get("/places")
    async def places() -> Response:
        """List where pictures were taken: middles with the pictures within 25 km of them."""
        found = await state.aside(lambda library: library.timeline.places())
        return as_json({"km": PLACE_KM, "places": [asdict(place) for place in found]})

    return routes


def _part(order: Order, offset: int, limit: int, page_of: int) -> tuple[int, list[int]]:
    """Return where a part of an order begins, and its ids; `page_of` 0 is no picture."""
    start = _place(order, page_of) // limit * limit if page_of else offset
    return start, order.ids[start : start + limit].tolist()


def _named(timelines: Timelines, name: str) -> Order:
    found = timelines.named(name)
    if found is None:
        raise HTTPException(409, "this order is no longer known: ask for the timeline again")
    return found


def _place(order: Order, image_id: int) -> int:
    places = np.flatnonzero(order.ids == image_id)
    if not len(places):
        raise HTTPException(404, f"picture #{image_id} is not in this list")
    return int(places[0])
