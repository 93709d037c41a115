"""What people should know of an answer: the same sentences on every surface."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.search.results import SearchResult


def notes(result: SearchResult) -> tuple[str, ...]:
    """Return what an answer's hits do not say themselves, a line each; () when all is well."""
    found = []
    if result.unknown:
        told = "only names and texts that come with pictures can tell"
        found.append(f"The model does not know {_quoted(result.unknown)}: {told}.")
    if result.strong is False and result.hits:
        found.append("No strong matches: these are only the nearest.")
    if not result.sifted:
        found.append("How sure these are cannot be said, so none was left out for it.")
    return tuple(found)


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)
