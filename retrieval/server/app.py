"""The routes: a JSON API below /api, and the page."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from retrieval import query as written
from retrieval.answers import as_object
from retrieval.catalogue import ImageRow
from retrieval.errors import ModelError, PictureError, PixtrieveError, QueryError
from retrieval.library import Library
from retrieval.query import Term
from retrieval.server import desk as desks
from retrieval.server import guard, pictures
from retrieval.server.desk import Desk
from retrieval.server.indexing import IndexingRun, RunState

STATIC = FilePath(__file__).parent / "static"
MOST_HITS = 10_000
MOST_LETTERS = 2_000

_PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}


PictureId = Annotated[int, Field(ge=1, le=2**62)]


class Asked(BaseModel):
    """What one can add to a question, beside the question itself."""

    q: Annotated[
        str, Query(max_length=MOST_LETTERS, description="the written form of a question")
    ] = ""
    limit: Annotated[int, Query(ge=1, le=500)] = 60
    offset: Annotated[int, Query(ge=0, le=MOST_HITS)] = 0
    fuse: Literal["add", "multiply", "concatenate"] = "add"
    where: Annotated[str, Query(max_length=MOST_LETTERS, description="a filter")] = ""
    sort: Literal["date", "date-desc", "name", "size"] | None = None
    group: Literal["burst", "day", "folder"] | None = None
    diverse: bool = False
    look_in: Literal["all", "pictures", "texts"] = "all"
    include_self: bool = False
    min_confidence: Annotated[float, Query(ge=0, le=1)] = 0.0
    like: Annotated[list[PictureId], Query(description="pictures that are what is meant")] = []
    unlike: Annotated[list[PictureId], Query(description="pictures that are not")] = []
    explain: bool = False


def create_app(path: str, device: str, rules: guard.Rules) -> guard.Guard:
    """Make the application around the library in a folder; the guard stands before it."""
    state = _State(path, device)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(state.close)

    app = FastAPI(
        title="Pixtrieve",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_exception_handler(PixtrieveError, _explained)
    _add_page(app)
    _add_search(app, state)
    _add_pictures(app, state)
    _add_library(app, state)
    return guard.Guard(app, rules)


class _State:
    """What the routes share."""

    def __init__(self, path: str, device: str) -> None:
        self.desk = Desk(path, device)
        self.thumbnails = os.path.join(path, "thumbnails")
        self.indexing = IndexingRun(lambda: Library.open(path, device=device))

    async def image(self, image_id: int) -> ImageRow:
        found = await asyncio.wrap_future(self.desk.call(lambda library: library.image(image_id)))
        if found is None:
            raise HTTPException(404, f"there is no picture #{image_id} in this library")
        return found

    async def answer(self, asked: Asked, query: written.Query | None) -> Response:
        """Ask, and give the page of the answer that is wanted, with its time."""
        began = time.perf_counter()

        def run(library: Library) -> Any:
            return library.search(
                query,
                min(asked.offset + asked.limit, MOST_HITS),
                where=asked.where or None,
                sort=asked.sort,
                group=asked.group,
                diverse=asked.diverse,
                fuse=asked.fuse,
                look_in=asked.look_in,
                include_self=asked.include_self,
                min_confidence=asked.min_confidence,
                like=asked.like,
                unlike=asked.unlike,
                explain=asked.explain,
            )

        # A browser that has gone on to the next letter cancels this, and the future with it.
        result = await asyncio.wrap_future(self.desk.ask(desks.Request(query, run)))
        found = as_object(result)
        found["hits"] = found["hits"][asked.offset :]
        facts = {
            "query": "" if query is None else str(query),
            "where": asked.where,
            "seconds": round(time.perf_counter() - began, 4),
        }
        return _json({**facts, **found})

    def close(self) -> None:
        self.indexing.close()
        self.desk.close()


def _json(value: Any, status: int = 200) -> Response:
    # ASCII only: a file's name may hold bytes that are no text, as lone surrogates.
    return Response(json.dumps(value), status, media_type="application/json")


async def _explained(_: Request, error: Exception) -> Response:
    assert isinstance(error, PixtrieveError)
    status = 422 if isinstance(error, QueryError | PictureError) else 503
    status = 500 if isinstance(error, ModelError) else status
    body = json.dumps({"error": error.message, "hint": error.hint})
    return Response(body, status, media_type="application/json")


def _add_page(app: FastAPI) -> None:
    for address, (name, media_type) in _PAGE.items():
        app.add_api_route(address, _file(name, media_type), include_in_schema=False)


def _file(name: str, media_type: str) -> Callable[[], FileResponse]:
    def serve() -> FileResponse:
        response = FileResponse(STATIC / name, media_type=media_type)
        response.headers["cache-control"] = "no-cache"
        return response

    return serve


def _add_search(app: FastAPI, state: _State) -> None:
    @app.get("/api/search")
    async def search(asked: Annotated[Asked, Query()]) -> Response:
        """Search with a question in its written form; pictures only as `#id`.

        Without one, `where` alone lists the pictures that fit.
        """
        query = written.parse(asked.q) if asked.q.strip() or not asked.where.strip() else None
        _refuse_paths(query)
        return await state.answer(asked, query)

    @app.post(
        "/api/search",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"image/*": {"schema": {"type": "string"}}},
            }
        },
    )
    async def search_by_picture(request: Request, asked: Annotated[Asked, Query()]) -> Response:
        """Search with the picture in the body, and the question beside it if there is one."""
        data = await request.body()
        if not data:
            raise QueryError("the request has no picture", "send its bytes as the body")
        terms = written.parse(asked.q).terms if asked.q.strip() else ()
        query = written.Query((*terms, Term("picture", data)))
        _refuse_paths(query)
        return await state.answer(asked, query)


def _refuse_paths(query: written.Query | None) -> None:
    """Let nobody have files of this machine opened, or addresses fetched, from outside."""
    for term in () if query is None else query.terms:
        if term.kind == "picture" and isinstance(term.value, str):
            raise QueryError(
                f"{term.value} is a path or an address, and the server opens none",
                "upload the picture, or name an indexed one by its number: #17",
            )


def _add_pictures(app: FastAPI, state: _State) -> None:
    kept = {"cache-control": "private, max-age=31536000, immutable"}

    @app.get("/api/pictures/{image_id}")
    async def facts(image_id: PictureId) -> Response:
        """Tell what is known of a picture."""
        return _json(asdict(await state.image(image_id)))

    @app.get("/api/pictures/{image_id}/image")
    async def image(image_id: PictureId) -> Response:
        """Return the picture as it is, or as a large WebP where browsers do not show its format."""
        row = await state.image(image_id)
        data, media_type = await run_in_threadpool(pictures.shown, row, state.thumbnails)
        return Response(data, media_type=media_type, headers=kept)

    @app.get("/api/pictures/{image_id}/thumbnail")
    async def thumbnail(image_id: PictureId, side: Literal["256", "512"] = "512") -> Response:
        """Return a small WebP, neither side longer than `side`."""
        row = await state.image(image_id)
        data = await run_in_threadpool(pictures.thumbnail, row, int(side), state.thumbnails)
        return Response(data, media_type="image/webp", headers=kept)

    @app.get("/api/pictures/{image_id}/similar")
    async def similar(image_id: PictureId, asked: Annotated[Asked, Query()]) -> Response:
        """Search with an indexed picture, and the question beside it if there is one."""
        await state.image(image_id)
        terms = written.parse(asked.q).terms if asked.q.strip() else ()
        query = written.Query((*terms, Term("indexed", image_id)))
        _refuse_paths(query)
        return await state.answer(asked, query)


def _add_library(app: FastAPI, state: _State) -> None:
    @app.get("/api/status")
    async def status() -> Response:
        """Tell what the library holds."""
        return _json(asdict(await asyncio.wrap_future(state.desk.call(lambda lib: lib.status()))))

    @app.get("/api/problems")
    async def problems(
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """List files that could not be used, and why."""
        listed = await asyncio.wrap_future(state.desk.call(lambda lib: list(lib.problems())))
        page = [asdict(problem) for problem in listed[offset : offset + limit]]
        return _json({"count": len(listed), "problems": page})

    @app.post("/api/indexing", status_code=202)
    async def start() -> Response:
        """Look again at all folders of the library."""
        if not state.indexing.start():
            raise HTTPException(409, "an indexing run is going on already")
        return _json(_run_facts(state.indexing.state), 202)

    @app.delete("/api/indexing")
    async def stop() -> Response:
        """Stop the run after the batch in flight."""
        state.indexing.stop()
        return _json(_run_facts(state.indexing.state))

    @app.get("/api/indexing")
    async def events(request: Request) -> StreamingResponse:
        """Follow the run as server-sent events; the last one says `"running": false`."""

        async def stream() -> AsyncIterator[str]:
            while not await request.is_disconnected():
                run = state.indexing.state
                yield f"data: {json.dumps(_run_facts(run))}\n\n"
                if not run.running:
                    return
                await asyncio.sleep(0.25)

        return StreamingResponse(stream(), media_type="text/event-stream")


def _run_facts(run: RunState) -> dict[str, Any]:
    progress = None
    if run.progress is not None:
        tally = asdict(run.progress.tally)
        progress = {"phase": run.progress.phase, "root": run.progress.root, **tally}
    return {"running": run.running, "error": run.error, "progress": progress}
