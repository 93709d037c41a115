"""The page: a few static files, without a build step; and what a wrong address shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

STATIC = Path(__file__).parent.parent / "static"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGES = {"index.html": "/", "api.html": "/api"}
_MISSING = "missing.html"


def page_routes() -> APIRouter:
    """Make one route per file, so that no name in a request becomes a path."""
    routes = APIRouter()
    for path in sorted(STATIC.iterdir()):
        if path.suffix in _TYPES and path.name != _MISSING:
            address = _PAGES.get(path.name, f"/{path.name}")
            routes.add_api_route(address, _file(path), include_in_schema=False)
    return routes


async def explain_http_error(request: Request, error: Exception) -> Response:
    """Answer a wrong address with a page where a person asks, and with JSON where a program does.

    Everything below `/api` is for programs.
    """
    assert isinstance(error, HTTPException)
    api = request.url.path.startswith("/api/")
    if error.status_code == 404 and not api and _wants_page(request):
        return FileResponse(STATIC / _MISSING, 404, media_type=_TYPES[".html"])
    return await http_exception_handler(request, error)


def _wants_page(request: Request) -> bool:
    return any("text/html" in accepted.lower() for accepted in request.headers.getlist("accept"))


def _file(path: Path) -> Callable[[], FileResponse]:
    def serve() -> FileResponse:
        response = FileResponse(path, media_type=_TYPES[path.suffix])
        response.headers["cache-control"] = "no-cache"
        return response

    return serve
