"""The map: positions of pictures, and names of regions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response

from retrieval.map import Map
from retrieval.server.state import State, as_json


def map_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()
    job = state.map_job

    async def known() -> Map | None:
        return await state.aside(lambda library: library.map.current())

    @routes.get("/map")
    async def header(
        draw: Annotated[bool, Query(description="start drawing what is missing")] = True,
    ) -> Response:
        """Return regions, layout and number of pictures; 202 with progress until there is a map.

        `level` 0 has the coarsest regions; `parent` is an index into `regions` (-1: none). `x` and
        `y` (downwards) range from 0 to 1. `lacking` counts new pictures without a position: this
        request starts placing them, and `drawing` is null when that is done. `draw=false` starts
        nothing. 503 if the update failed: POST tries again.
        """
        drawn = await known()
        failed = job.state.error
        if draw and (drawn is None or drawn.unplaced) and not failed:
            job.start()
        if drawn is None and failed:
            return as_json({"error": failed, "hint": job.state.hint}, 503)
        facts = {"drawing": _progress(state), "error": failed}
        if drawn is None:
            return as_json(facts, 202)
        return as_json({**_header(drawn), **facts})

    @routes.post("/map", status_code=202)
    async def draw(
        rebuild: Annotated[bool, Query(description="arrange all pictures again")] = False,
    ) -> Response:
        """Update the map: place new pictures, or with `rebuild` arrange all again."""
        job.start(rebuild=rebuild)
        return as_json({"drawing": _progress(state)}, 202)

    @routes.get("/map/points")
    async def points(version: Annotated[str, Query(max_length=64)] = "") -> Response:
        """Return the positions of all n pictures, as little-endian columns one after the other.

        n ids (uint32), n pairs of x and y (float32), n indexes into `regions` (uint16), each that
        of the picture's finest region. 404 without a map; 409 if `version`, which the header has,
        is out of date.
        """
        drawn = await known()
        if drawn is None:
            raise HTTPException(404, "there is no map yet; GET /api/map starts drawing it")
        if version and version != _version(drawn):
            raise HTTPException(409, "the map has changed; request /api/map again")
        headers = {"cache-control": "no-store", "x-version": _version(drawn)}
        return Response(_columns(drawn), media_type="application/octet-stream", headers=headers)

    return routes


def _header(drawn: Map) -> dict[str, Any]:
    return {
        "version": _version(drawn),
        "generation": drawn.generation,
        "layout": drawn.layout,
        "count": len(drawn.ids),
        "lacking": drawn.unplaced,
        "regions": [asdict(region) for region in drawn.regions],
    }


def _columns(drawn: Map) -> bytes:
    columns = (
        drawn.ids.astype("<u4"),
        drawn.positions.astype("<f4"),
        drawn.region.astype("<u2"),
    )
    return b"".join(np.ascontiguousarray(column).tobytes() for column in columns)


def _version(drawn: Map) -> str:
    # Until the next update, pictures are only removed: generation and count identify a version.
    return f"{drawn.generation}-{len(drawn.ids)}"


def _progress(state: State) -> dict[str, Any] | None:
    drawing = state.map_job.state
    if not drawing.running:
        return None
    if drawing.progress is None:
        return {"stage": "reading", "share": 0.0}
    return asdict(drawing.progress)
