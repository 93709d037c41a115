"""The application: shared state, the routes, and the guard in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from retrieval.errors import (
    LibraryError,
    LibraryNotFound,
    MissingExtra,
    ModelError,
    NameTaken,
    PictureError,
    PixtrieveError,
    QueryError,
    explain_os_error,
    is_full,
)
from retrieval.server import guard
from retrieval.server.indexing import Following
from retrieval.server.permission import NOBODY, Permission
from retrieval.server.routes.albums import album_routes, collecting_routes
from retrieval.server.routes.downloads import download_routes
from retrieval.server.routes.duplicates import duplicate_routes, keeping_routes, moving_routes
from retrieval.server.routes.folders import folder_routes
from retrieval.server.routes.indexing import indexing_routes
from retrieval.server.routes.library import library_routes
from retrieval.server.routes.locating import locating_routes
from retrieval.server.routes.maps import map_routes
from retrieval.server.routes.mcp import Assistants
from retrieval.server.routes.page import PageFiles, explain_http_error
from retrieval.server.routes.pictures import picture_routes, video_routes
from retrieval.server.routes.saved import saved_routes
from retrieval.server.routes.search import search_routes
from retrieval.server.routes.tags import concept_routes, tag_routes
from retrieval.server.routes.timeline import timeline_routes
from retrieval.server.state import State, as_json

_ROUTES = (
    *(search_routes, timeline_routes, picture_routes, video_routes, library_routes),
    *(indexing_routes, tag_routes, concept_routes, album_routes, collecting_routes, saved_routes),
    *(duplicate_routes, keeping_routes, moving_routes, download_routes, map_routes),
)


# A library that is busy or cannot do something in its state is not a server error.
_STATUS = (
    (QueryError, 422),
    (PictureError, 422),
    (LibraryNotFound, 503),
    (LibraryError, 409),
    (MissingExtra, 501),
    (ModelError, 500),
    (PixtrieveError, 500),
)


def create_app(
    path: str,
    device: str,
    rules: guard.Rules,
    moves_to: str | None = None,
    following: Following | None = None,
    permission: Permission = NOBODY,
) -> guard.Guard:
    """Return the application for the library in the folder `path`, behind the guard.

    Redundant files may be moved to the folder `moves_to`; with None, no file is moved. With
    `following`, the server watches the library's folders. `permission` says who may add and remove
    folders, and see files in the file manager.
    """
    state = State(path, device, moves_to)
    assistants = Assistants(state)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.warm()
        if following is not None:
            state.indexing.follow(following)
        async with assistants.running():
            yield
        await run_in_threadpool(state.close)

    app = FastAPI(
        title="Pixtrieve",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_exception_handler(PixtrieveError, _explain)
    app.add_exception_handler(OSError, _explain_system)
    app.add_exception_handler(RequestValidationError, _explain_invalid)
    app.add_exception_handler(HTTPException, explain_http_error)
    for routes in _ROUTES:
        app.include_router(routes(state), prefix="/api")
    for permitted in (folder_routes, locating_routes):
        app.include_router(permitted(state, permission), prefix="/api")
    app.router.routes.append(assistants.route)
    return guard.Guard(PageFiles(app), rules)


async def _explain(_: Request, error: Exception) -> Response:
    assert isinstance(error, PixtrieveError)
    status = next(code for kind, code in _STATUS if isinstance(error, kind))
    taken = {"taken": error.taken} if isinstance(error, NameTaken) else {}
    return as_json({"error": error.message, "hint": error.hint, **taken}, status)


async def _explain_system(_: Request, error: Exception) -> Response:
    """Say what the system refused, such as an export on a full disk."""
    assert isinstance(error, OSError)
    told = explain_os_error(error)
    return as_json({"error": told.message, "hint": told.hint}, 507 if is_full(error) else 500)


async def _explain_invalid(_: Request, error: Exception) -> Response:
    """Say what is wrong without repeating the input: it may not be valid JSON (NaN, surrogates)."""
    assert isinstance(error, RequestValidationError)
    problems = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
    return as_json({"detail": problems}, 422)
