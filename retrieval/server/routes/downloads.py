"""Downloads: selected pictures as a zip or a list, the whole library as vectors."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from retrieval.catalogue import ImageRow
from retrieval.catalogue.export import FORMATS
from retrieval.errors import QueryError
from retrieval.library import Library
from retrieval.server import downloads
from retrieval.server.search_fields import MOST_HITS
from retrieval.server.state import State

_KINDS: dict[str, tuple[str, Callable[[Iterable[ImageRow]], Iterator[bytes]]]] = {
    "zip": ("application/zip", downloads.zipped),
    "csv": ("text/csv; charset=utf-8", downloads.as_csv),
    "jsonl": ("application/x-ndjson", downloads.as_lines),
    "txt": ("text/plain; charset=utf-8", downloads.as_paths),
}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["ids"],
                    "properties": {
                        "ids": {"type": "string", "description": "ids of pictures: 17,23"}
                    },
                }
            }
        },
    }
}


def download_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()

    @routes.post("/download/{kind}", openapi_extra=_FORM)
    async def download(kind: Literal["zip", "csv", "jsonl", "txt"], request: Request) -> Response:
        """Download pictures as a zip of the original files, or a list of them.

        The body is a form, so that a browser saves the response while it arrives.
        """
        ids = _ids((await request.body()).decode("latin-1"))

        def read(library: Library) -> list[ImageRow]:
            return [image for image in map(library.image, ids) if image is not None]

        images = await state.aside(read)
        if not images:
            raise QueryError("none of these pictures is in the library", "reload the page")
        media_type, write = _KINDS[kind]
        name = f"pixtrieve-{len(images)}.{kind}"
        return StreamingResponse(
            write(images),
            media_type=media_type,
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    @routes.get("/export/{kind}")
    async def export(kind: Literal["npz", "parquet"]) -> Response:
        """Download all vectors and the pictures' metadata, as `pixtrieve export` writes them."""
        folder = tempfile.TemporaryDirectory(prefix="pixtrieve-export-")
        path = os.path.join(folder.name, f"pixtrieve.{kind}")
        try:
            await state.aside(
                lambda library: FORMATS[f".{kind}"](library.images(), library.model, path)
            )
        except BaseException:
            folder.cleanup()
            raise
        return FileResponse(
            path,
            media_type="application/octet-stream",
            filename=os.path.basename(path),
            background=BackgroundTask(folder.cleanup),
        )

    return routes


def _ids(body: str) -> list[int]:
    if len(body) > MOST_HITS * 24:  # check before parsing; a comma may be written as %2C
        raise QueryError("the list of pictures is too long", "download them in several parts")
    written = parse_qs(body).get("ids", [""])[0]
    if not re.fullmatch(r"[0-9]{1,18}(,[0-9]{1,18})*", written, re.ASCII):
        raise QueryError("the request names no pictures", "send their ids in the body: ids=17,23")
    ids = list(dict.fromkeys(map(int, written.split(","))))
    if len(ids) > MOST_HITS:
        raise QueryError(
            f"more than {MOST_HITS:,} pictures at once", "download them in several parts"
        )
    return ids
