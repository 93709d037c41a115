"""Saved searches. The server opens no file: one that needs a file outside the library says so."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from retrieval.query import Query as Question
from retrieval.server.asking_saved import ask_saved, count_saved
from retrieval.server.paths import refuse_paths
from retrieval.server.routes.albums import Name, NamedInAddress
from retrieval.server.search_fields import MOST_HITS
from retrieval.server.state import SearchRequest, State, as_json
from retrieval.tagging.saved_answers import SavedAnswer, SavedSearch


class Renamed(BaseModel):
    """A saved search, and its new name."""

    name: Name
    rename: Name


class Looked(BaseModel):
    """A saved search."""

    name: Name


def saved_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()

    @routes.get("/saved")
    async def saved(
        count: Annotated[bool, Query(description="also count what is new, which asks each")] = True,
    ) -> Response:
        """List the saved searches, and how many of their answers are new."""
        found = await state.call(lambda library: library.saved.all())
        return as_json({"saved": [await _listed(state, each, count=count) for each in found]})

    @routes.post("/saved")
    async def add(
        params: Annotated[SearchRequest, Query()],
        name: NamedInAddress,
        replace: Annotated[bool, Query(description="replace the one of that name")] = False,
    ) -> Response:
        """Save a search: the parameters are those of `GET /api/search`."""
        query = Question.parse(params.q) if params.q.strip() or not params.filter.strip() else None
        refuse_paths(query)
        options = params.options
        # The model is on the library's thread; another process that writes must not hold that up.
        prepared = await state.call(lambda library: library.saved.prepared(query, options))
        found = await state.aside(
            lambda library: library.saved.put(name, prepared, replacing=replace)
        )
        return as_json(asdict(found))

    @routes.patch("/saved")
    async def rename(body: Renamed) -> Response:
        """Give a saved search another name."""
        found = await state.aside(lambda library: library.saved.rename(body.name, body.rename))
        return as_json(asdict(found))

    @routes.delete("/saved")
    async def remove(name: NamedInAddress) -> Response:
        """Delete a saved search. Returns what it was."""
        return as_json(asdict(await state.aside(lambda library: library.saved.remove(name))))

    @routes.get("/saved/answer")
    async def answer(
        name: NamedInAddress,
        new: Annotated[bool, Query(description="only what is new")] = False,
        limit: Annotated[int, Query(ge=1, le=500)] = 60,
        offset: Annotated[int, Query(ge=0, le=MOST_HITS)] = 0,
    ) -> Response:
        """Answer a saved search; this is no look, so what is new stays new."""
        found = await ask_saved(state.library_thread, name)
        return as_json(_answer(found, slice(offset, offset + limit), new=new))

    @routes.post("/saved/looked")
    async def looked(body: Looked) -> Response:
        """Note that a person has looked: what a saved search finds now is not new any more."""
        found = await ask_saved(state.library_thread, body.name)
        noted = await state.aside(lambda library: library.saved.note_look(found))
        return as_json(asdict(noted.search))

    return routes


def _answer(found: SavedAnswer, part: slice, *, new: bool) -> dict[str, Any]:
    """Return a part of an answer, or of what is new in it, with the count of all."""
    facts = (found.only_new() if new else found.result).to_dict()
    hits = facts["hits"]
    counted = {**facts, "count": len(hits), "hits": hits[part]}
    return {"saved": asdict(found.search), "new": sorted(found.new), **counted}


async def _listed(state: State, search: SavedSearch, *, count: bool) -> dict[str, Any]:
    """Return a saved search with its count; others may ask between one and the next."""
    new = None
    if count:
        search, new = await count_saved(state.library_thread, search)
    return {**asdict(search), "new": new}
