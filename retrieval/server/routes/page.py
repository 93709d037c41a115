"""The page: a few static files, without a build step; and what a wrong address shows."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from retrieval.server.joined_files import joined_page, read_texts
from retrieval.server.timelines import FIRST

STATIC = Path(__file__).parent.parent / "static"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = "index.html"
_PAGES = {_PAGE: "/", "api.html": "/api"}
_MISSING = "missing.html"
_FOR_EVER = "max-age=31536000, immutable"
_FIRST = (f"timeline?where=&sort=date-desc&first={FIRST}", "saved?count=false", "often")
_LINK = ", ".join(f"</api/{address}>; rel=preload; as=fetch; crossorigin" for address in _FIRST)
"""What the page asks for first if nothing is asked: the browser need not wait for the script."""


class PageFiles:
    """ASGI middleware that answers requests for the page's files; others go to the application.

    They are read once, and no request for them passes the routes of the API; the scripts and styles
    of the page itself are joined (`retrieval.server.joined_files`). No name in a request becomes a
    path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._files = {
            _PAGES.get(path.name, f"/{path.name}"): _File(path.read_bytes(), path.suffix)
            for path in STATIC.iterdir()
            if path.suffix in _TYPES and path.name != _MISSING
        }
        page, joined = joined_page((STATIC / _PAGE).read_text(encoding="utf-8"), read_texts(STATIC))
        self._files["/"] = _File(page.encode(), ".html")
        for name, text in joined.items():
            self._files[f"/{name}"] = _File(text.encode(), Path(name).suffix, _FOR_EVER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        file = self._files.get(scope["path"]) if scope["type"] == "http" else None
        if file is None:
            await self._app(scope, receive, send)
        else:
            await file.answer(scope)(scope, receive, send)


class _File:
    """A file of the page, as it was when the server started."""

    def __init__(self, data: bytes, suffix: str, cached: str = "no-cache") -> None:
        self._data, self._type = data, _TYPES[suffix]
        # Some browsers ask for the icon again whenever the address or the title changes.
        self._cached = "max-age=3600" if suffix == ".svg" else cached
        self._etag = f'"{hashlib.sha256(self._data).hexdigest()[:32]}"'

    def answer(self, scope: Scope) -> Response:
        """Return the file; only its ETag where the browser has it."""
        headers = {"cache-control": self._cached, "etag": self._etag}
        if scope["path"] == "/" and not scope["query_string"]:
            headers["link"] = _LINK
        if scope["method"] not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"allow": "GET, HEAD"})
        if Request(scope).headers.get("if-none-match") == self._etag:
            return Response(status_code=304, headers=headers)
        return Response(self._data, headers=headers, media_type=self._type)


async def explain_http_error(request: Request, error: Exception) -> Response:
    """Answer a wrong address with a page where a person asks, and with JSON where a program does.

    Everything below `/api` is for programs.
    """
    assert isinstance(error, HTTPException)
    api = request.url.path.startswith("/api/")
    if error.status_code == 404 and not api and _wants_page(request):
        page = (STATIC / _MISSING).read_bytes()
        return Response(page, 404, media_type=_TYPES[".html"])
    return await http_exception_handler(request, error)


def _wants_page(request: Request) -> bool:
    return any("text/html" in accepted.lower() for accepted in request.headers.getlist("accept"))
