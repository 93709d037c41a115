"""A client of the API: the address it uses in tests, and what answers name."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from retrieval.server import guard

HOST = "localhost:8090"
RULES = guard.Rules(frozenset({HOST}))
TOKEN = "s3cret-token.of~the_house"
GUARDED = guard.Rules(frozenset({HOST}), TOKEN)
KINDS = {
    "kind": "zip",
    "image_id": "1",
    "order": "0123456789abcdef",
    "folder_id": "1",
    "group_id": "1",
}

Client = Callable[..., TestClient]
Params = dict[str, str | int | float | bool | None]


def names(answer: Any) -> list[str]:
    """Return the file names of hits."""
    return [os.path.basename(hit["path"]) for hit in answer["hits"]]


def numbers(api: TestClient, limit: int = 500) -> dict[str, int]:
    """Return the number of each picture by the last two parts of its path."""
    found = api.get("/api/search", params={"where": "width > 0", "limit": limit}).json()
    return {"/".join(hit["path"].split("/")[-2:]): hit["id"] for hit in found["hits"]}


def bearer(token: str) -> dict[str, str]:
    """Return the header that names a token."""
    return {"authorization": f"Bearer {token}"}


def operations(api: TestClient) -> list[tuple[str, str]]:
    """Return the method and address of everything there is, the page and assistants included."""
    paths = api.get("/api/openapi.json", headers=bearer(TOKEN)).json()["paths"]
    described = [
        (method.upper(), path.format_map(KINDS)) for path, of in paths.items() for method in of
    ]
    assert len(described) > 20
    page = [("GET", path) for path in ("/", "/app.js", "/style.css", "/api/openapi.json")]
    return [*described, *page, ("POST", "/mcp"), ("GET", "/nowhere"), ("OPTIONS", "/api/search")]
