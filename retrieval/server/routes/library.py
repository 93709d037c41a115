"""The library as a whole: status, problems, indexing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from retrieval.server.indexing import RunState
from retrieval.server.state import State, as_json


def library_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()

    @routes.get("/status")
    async def status() -> Response:
        """Return the library's counts, folders and model."""
        return as_json(asdict(await state.call(lambda library: library.status())))

    @routes.get("/problems")
    async def problems(
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """List the files that could not be indexed, and why."""
        listed = await state.call(lambda library: list(library.problems()))
        page = [asdict(problem) for problem in listed[offset : offset + limit]]
        return as_json({"count": len(listed), "problems": page})

    @routes.post("/indexing", status_code=202)
    async def start() -> Response:
        """Start indexing: update all folders of the library."""
        if not state.indexing.start():
            raise HTTPException(409, "an indexing run is already in progress")
        return as_json(_run_facts(state.indexing.state), 202)

    @routes.delete("/indexing")
    async def stop() -> Response:
        """Stop the run after the current batch."""
        state.indexing.stop()
        return as_json(_run_facts(state.indexing.state))

    @routes.get("/indexing")
    async def events(request: Request) -> StreamingResponse:
        """Follow the run as server-sent events; the last has `"running": false`."""

        async def stream() -> AsyncIterator[str]:
            while not await request.is_disconnected():
                run = state.indexing.state
                yield f"data: {json.dumps(_run_facts(run))}\n\n"
                if not run.running:
                    return
                await asyncio.sleep(0.25)

        return StreamingResponse(stream(), media_type="text/event-stream")

    return routes


def _run_facts(run: RunState) -> dict[str, Any]:
    progress = None
    if run.progress is not None:
        tally = asdict(run.progress.tally)
        progress = {"phase": run.progress.phase, "root": run.progress.root, **tally}
    return {
        "running": run.running,
        "watching": run.watching,
        "error": run.error,
        "progress": progress,
    }
