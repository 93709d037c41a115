"""The server that `pixtrieve mcp` is, in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptions are encoded into a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def local(folder: str) -> Iterator[Any]:
    """The server that `pixtrieve mcp` is."""
    pytest.importorskip("mcp")
    from retrieval.server.library_thread import LibraryThread
    from retrieval.server.mcp.protocol import make_server
    from retrieval.server.mcp.tools import McpTools

    thread = LibraryThread(folder, "auto", lazy=True)
    yield make_server(McpTools(thread, os.path.join(folder, "thumbnails"), files=True))
    thread.close()
