"""The page: a few static files, without a build step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

STATIC = Path(__file__).parent.parent / "static"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGES = {"index.html": "/", "api.html": "/api"}


def page_routes() -> APIRouter:
    """Make one route per file, so that no name in a request becomes a path."""
    routes = APIRouter()
    for path in sorted(STATIC.iterdir()):
        if path.suffix in _TYPES:
            address = _PAGES.get(path.name, f"/{path.name}")
            routes.add_api_route(address, _file(path), include_in_schema=False)
    return routes


def _file(path: Path) -> Callable[[], FileResponse]:
    def serve() -> FileResponse:
        response = FileResponse(path, media_type=_TYPES[path.suffix])
        response.headers["cache-control"] = "no-cache"
        return response

    return serve
