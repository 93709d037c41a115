"""Shows a picture's file in the file manager of the machine that the server runs on."""

from __future__ import annotations

import os
from typing import Any

import click
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from retrieval.errors import PictureError
from retrieval.images.places import container_of
from retrieval.server.permission import Permission
from retrieval.server.state import PictureId, State, as_json


def locating_routes(state: State, permission: Permission) -> APIRouter:
    """Return the router."""
    routes = APIRouter()
    possible = permission.is_own_machine

    @routes.get("/locate")
    async def locatable(request: Request) -> dict[str, Any]:
        """Say whether the server can show files in the file manager of the asking machine."""
        return {"possible": possible(request)}

    @routes.post("/pictures/{image_id}/locate")
    async def locate(image_id: PictureId, request: Request) -> Response:
        """Show the picture's file in its folder, in the file manager of this machine.

        Works only if the server accepts no other machine.
        """
        if not possible(request):
            raise HTTPException(403, "files are shown only on the machine that runs the server")
        image = await state.image(image_id)
        path = next(filter(os.path.isfile, map(container_of, image.paths)), None)
        if path is None:
            raise PictureError(
                f"{image.paths[0]} is not there", "update the library: pixtrieve index"
            )
        if await run_in_threadpool(click.launch, path, locate=True):
            raise PictureError(
                "the file manager could not be started", f"the file is in {os.path.dirname(path)}"
            )
        return as_json({"path": path})

    return routes
