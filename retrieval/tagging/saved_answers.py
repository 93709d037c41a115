"""Saved searches and their answers as people see them; see `retrieval.tagging.saved`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from retrieval.search.results import SearchResult


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A saved search as a person sees it.

    `question` is in the written form, with the ids of this library; "" for a filter alone. `where`
    is the filter, `min_confidence` the least confidence of an answer. `looked` is when a person
    last looked, in UTC (ISO 8601), "" for never. `trouble` says why it cannot be asked, "" if it
    can; `dropped` are stored options that this version does not know. `options` has the other
    options ("sort", "like") that are not at their defaults, by name.
    """

    name: str
    question: str
    where: str
    min_confidence: float
    looked: str
    trouble: str = ""
    dropped: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedLook:
    """What a saved search finds at a moment, to be noted as what a person has seen.

    `question` is as it is stored, `images` are the ids that it finds, `newest` is the highest id
    that there was, `fingerprint` the model's.
    """

    question: str
    images: tuple[int, ...]
    newest: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """The answers of a saved search, and the ids of those that are new."""

    search: SavedSearch
    result: SearchResult
    new: frozenset[int]
    look: SavedLook

    def only_new(self) -> SearchResult:
        """Return the new answers; they keep their ranks."""
        hits = tuple(hit for hit in self.result.hits if hit.id in self.new)
        return replace(self.result, hits=hits)
