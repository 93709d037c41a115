"""The folders of the library: what is in them; added and removed where the owner allows it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from retrieval.errors import LibraryError
from retrieval.folder.status import FolderStatus
from retrieval.library import Library
from retrieval.server.folder_choice import FolderChoice, choose_folder
from retrieval.server.permission import Permission
from retrieval.server.routes.indexing import run_facts
from retrieval.server.state import State, as_json

LONGEST_PATH = 4096

Path = Annotated[str, Field(max_length=LONGEST_PATH)]
FolderId = Annotated[int, Field(ge=1, le=2**62)]


class NewFolder(BaseModel):
    """A folder of the machine that runs the server."""

    path: Path


def folder_routes(state: State, permission: Permission) -> APIRouter:
    """Return the router."""
    routes = APIRouter()

    async def look(path: str) -> FolderChoice:
        roots = await state.call(lambda library: library.roots())
        return await run_in_threadpool(choose_folder, path, roots, state.path)

    @routes.get("/folders")
    async def folders(request: Request) -> Response:
        """List the indexed folders: their counts, the last look, and whether they are there.

        `may_change` says whether whoever asks may add and remove folders.
        """
        found = await state.call(lambda library: library.folders())
        listed = await run_in_threadpool(lambda: [_facts(each) for each in found])
        return as_json({"folders": listed, "may_change": permission.may_change(request)})

    @routes.get("/folders/choice")
    async def choice(request: Request, path: Annotated[str, Query(max_length=LONGEST_PATH)]) -> Any:
        """Say what is wrong with a folder that could be added, and complete its path.

        Only for those who may add folders.
        """
        permission.require_change(request)
        return as_json(asdict(await look(path)))

    @routes.post("/folders", status_code=202)
    async def add(body: NewFolder, request: Request) -> Response:
        """Add a folder of the server's machine, and start to index it.

        Only for those who may add folders.
        """
        permission.require_change(request)
        chosen = await look(body.path)
        if chosen.problem:
            raise LibraryError(chosen.problem, chosen.hint)
        if not state.indexing.start([chosen.path]):
            raise HTTPException(409, "an indexing run is in progress; wait for its end")
        return as_json(run_facts(state.indexing.state), 202)

    @routes.delete("/folders/{folder_id}")
    async def remove(folder_id: FolderId, request: Request) -> Response:
        """Take a folder out of the library, not from disk; returns the number of files.

        Only for those who may remove folders.
        """
        permission.require_change(request)

        def run(library: Library) -> int:
            roots = library.roots()
            path = next((root.path for root in roots if root.id == folder_id), None)
            if path is None:
                raise HTTPException(404, f"there is no folder #{folder_id} in this library")
            return library.remove(path)

        return as_json({"removed": await state.aside(run)})

    return routes


def _facts(folder: FolderStatus) -> dict[str, Any]:
    root = folder.root
    there = root.elsewhere or os.path.isdir(root.path)
    return {
        "id": root.id,
        "path": root.path,
        "whole": root.whole,
        "elsewhere": root.elsewhere,
        "there": there,
        **asdict(folder.counts),
        "looked": folder.looked,
    }
