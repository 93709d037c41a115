"""One picture: its facts, its bytes, its thumbnail."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from retrieval.catalogue import ImageRow
from retrieval.images.videos.containers import is_video
from retrieval.library import Library
from retrieval.server import picture_files
from retrieval.server.state import PictureId, State, as_json, image_of
from retrieval.server.video_files import MEDIA_TYPES, blocks, open_video, span_of

_KEPT = {"cache-control": "private, max-age=31536000, immutable"}


def picture_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()
    folder, made_of = state.thumbnails, state.placeholders.keep

    @routes.get("/pictures/{image_id}")
    async def facts(image_id: PictureId) -> Response:
        """Return the facts of a picture: its files, metadata, tags and texts."""
        image = await state.image(image_id)

        def read(library: Library) -> dict[str, Any]:
            tags = [asdict(tag) for tag in library.tags.of(image_id)]
            texts = [asdict(row) for row in library.texts.of(image_id)]
            moments = library.moments(image_id) if is_video(image.format) else ()
            return {"tags": tags, "texts": texts, "moments": list(moments)}

        return as_json({**asdict(image), **await state.call(read)})

    @routes.get("/pictures/{image_id}/image")
    async def image(image_id: PictureId) -> Response:
        """Return the original file, or a large WebP if browsers do not show its format.

        Of a video, it is a frame: see `/video`.
        """
        row = await state.image(image_id)
        data, media_type = await run_in_threadpool(picture_files.shown, row, folder, made_of)
        return Response(data, media_type=media_type, headers=_KEPT)

    @routes.get("/pictures/{image_id}/thumbnail")
    async def thumbnail(
        image_id: PictureId,
        side: Literal["256", "512"] = "512",
        at: Annotated[
            float | None, Query(description="the second at which a moment of a video begins")
        ] = None,
    ) -> Response:
        """Return a WebP thumbnail, neither side longer than `side` pixels."""

        def read(library: Library) -> tuple[ImageRow, bytes]:
            row = image_of(library, image_id)
            if at is not None and at not in library.moments(image_id):
                raise HTTPException(404, f"picture #{image_id} has no moment at {at} s")
            return row, picture_files.kept_thumbnail(row, int(side), folder, at)

        # Neither searches nor the making of other thumbnails hold up those that are there.
        row, data = await state.for_tiles(read)
        if not data:
            make = partial(picture_files.thumbnail, row, int(side), folder, made_of, at)
            data = await run_in_threadpool(make)
        return Response(data, media_type="image/webp", headers=_KEPT)

    return routes


def video_routes(state: State) -> APIRouter:
    """Return the router of the bytes of videos."""
    routes = APIRouter()

    @routes.get("/pictures/{image_id}/video")
    async def video(image_id: PictureId, request: Request) -> Response:
        """Return a video's bytes, or the range of them that the request asks for."""
        row = await state.image(image_id)
        if not is_video(row.format):
            raise HTTPException(404, f"picture #{image_id} is no video")
        file, _ = await run_in_threadpool(open_video, row)
        size = os.fstat(file.fileno()).st_size
        asked = request.headers.get("range")
        span = span_of(asked, size)
        if span is None:
            file.close()
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        headers = {
            **_KEPT,
            "accept-ranges": "bytes",
            "content-length": str(span.end - span.start),
            "content-range": f"bytes {span.start}-{span.end - 1}/{size}",
        }
        whole = span.end - span.start == size
        if whole and not asked:
            del headers["content-range"]
        return StreamingResponse(
            blocks(file, span),
            status_code=200 if whole and not asked else 206,
            media_type=MEDIA_TYPES[row.format],
            headers=headers,
        )

    return routes
