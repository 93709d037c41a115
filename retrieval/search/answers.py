"""Answers as plain objects for JSON: one form, whoever asks (command line, HTTP)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from retrieval.search.notes import notes
from retrieval.search.results import SearchResult


def as_object(result: SearchResult) -> dict[str, Any]:
    """Return the documented form of an answer."""
    hits = [{**asdict(hit), "mtime": hit.mtime_ns / 1e9} for hit in result.hits]
    for hit in hits:
        del hit["mtime_ns"]
    return {
        "searched": result.searched,
        "strong": result.strong,
        "unknown": list(result.unknown),
        "notes": list(notes(result)),
        "hits": hits,
    }
