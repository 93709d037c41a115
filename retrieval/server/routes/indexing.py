"""Indexing: start a run, stop it, follow it, whoever started it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from retrieval.errors import LibraryError
from retrieval.images.places import is_elsewhere
from retrieval.images.reasons import without_numbers
from retrieval.library import Library
from retrieval.server.indexing import RunState
from retrieval.server.state import State, as_json

_MOST_BYTES = 16_000
"""Of paths on the command line of a run; systems limit it."""


class Wanted(BaseModel):
    """What a run is over: everything, one folder of the library, or files with problems.

    With `retry`, files that could not be used are read again even if they have not changed:
    those with the given `reason` of `/api/problems`, or all.
    """

    folder: Annotated[int, Field(ge=1, le=2**62)] | None = None
    retry: bool = False
    reason: Annotated[str, Field(max_length=2000)] | None = None


def indexing_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()

    @routes.post("/indexing", status_code=202)
    async def start(wanted: Wanted | None = None) -> Response:
        """Start indexing: update all folders of the library, or what the body says."""
        wanted = wanted or Wanted()
        paths = await state.call(lambda library: _paths_of(library, wanted))
        if not state.indexing.start(paths, retry=wanted.retry):
            raise HTTPException(409, "an indexing run is already in progress")
        return as_json(run_facts(state.indexing.state), 202)

    @routes.delete("/indexing")
    async def stop() -> Response:
        """Stop the run after the current batch, if this server started it."""
        run = state.indexing.state
        if run.running and not run.own:
            raise HTTPException(
                409, "this run was started elsewhere; stop it there, for example with Ctrl-C"
            )
        state.indexing.stop()
        return as_json(run_facts(state.indexing.state))

    @routes.get("/indexing/now")
    async def now() -> Response:
        """Return the run that is going on, or the last one, whoever started it."""
        return as_json(run_facts(state.indexing.state))

    @routes.get("/indexing")
    async def events(request: Request) -> StreamingResponse:
        """Follow the run as server-sent events; the last has `"running": false`."""

        async def stream() -> AsyncIterator[str]:
            while not await request.is_disconnected():
                run = state.indexing.state
                yield f"data: {json.dumps(run_facts(run))}\n\n"
                if not run.running:
                    return
                await asyncio.sleep(0.25)

        return StreamingResponse(stream(), media_type="text/event-stream")

    return routes


def run_facts(run: RunState) -> dict[str, Any]:
    """Return what a client is told of a run."""
    facts: dict[str, Any] = {
        "running": run.running,
        "own": run.own,
        "watching": run.watching,
        "error": run.error,
        "progress": None,
    }
    if run.note is not None:
        note = asdict(run.note)
        tally = note.pop("tally")
        names = ("phase", "root", "files_per_s", "pictures_per_s", "seconds_left")
        facts["progress"] = {**{name: note[name] for name in names}, **tally}
        facts |= {name: note[name] for name in ("kind", "command", "began", "written", "stopped")}
    return facts


def _paths_of(library: Library, wanted: Wanted) -> list[str]:
    """Return the paths of a run, none for one over everything."""
    if wanted.reason is not None:
        same = (row for row in library.problems() if without_numbers(row.reason) == wanted.reason)
        problems = [row.path for row in same]
        paths = [path for path in problems if not is_elsewhere(path)]
        if not paths:
            raise LibraryError("no file has this problem any more", "load the page again")
        return _few(paths)
    if wanted.folder is None:
        return []
    root = next((root for root in library.roots() if root.id == wanted.folder), None)
    if root is None:
        raise HTTPException(404, f"there is no folder #{wanted.folder} in this library")
    if root.elsewhere:
        raise LibraryError(
            f"{root.path} is a data set, which is not looked through again",
            "see: pixtrieve import --help",
        )
    # The folder of single files is not indexed as a whole.
    return [root.path] if root.whole else []


def _few(paths: list[str]) -> list[str]:
    """Return the paths; none, which means everything, if they are too many for a command line."""
    return paths if sum(len(os.fsencode(path)) + 1 for path in paths) <= _MOST_BYTES else []
