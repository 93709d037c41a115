"""One picture: its facts, its bytes, its thumbnail."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from retrieval.library import Library
from retrieval.server import picture_files
from retrieval.server.state import PictureId, State, as_json


def picture_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()
    folder, made_of = state.thumbnails, state.placeholders.keep
    kept = {"cache-control": "private, max-age=31536000, immutable"}

    @routes.get("/pictures/{image_id}")
    async def facts(image_id: PictureId) -> Response:
        """Return the facts of a picture: its files, metadata, tags and texts."""
        image = await state.image(image_id)

        def read(library: Library) -> dict[str, Any]:
            tags = [asdict(tag) for tag in library.tags.of(image_id)]
            return {"tags": tags, "texts": [asdict(row) for row in library.texts.of(image_id)]}

        return as_json({**asdict(image), **await state.call(read)})

    @routes.get("/pictures/{image_id}/image")
    async def image(image_id: PictureId) -> Response:
        """Return the original file, or a large WebP if browsers do not show its format."""
        row = await state.image(image_id)
        data, media_type = await run_in_threadpool(picture_files.shown, row, folder, made_of)
        return Response(data, media_type=media_type, headers=kept)

    @routes.get("/pictures/{image_id}/thumbnail")
    async def thumbnail(image_id: PictureId, side: Literal["256", "512"] = "512") -> Response:
        """Return a WebP thumbnail, neither side longer than `side` pixels."""
        row = await state.image(image_id)
        data = await run_in_threadpool(picture_files.thumbnail, row, int(side), folder, made_of)
        return Response(data, media_type="image/webp", headers=kept)

    return routes
