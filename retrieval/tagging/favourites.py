"""Favourites: pictures that a person has marked. They hold contents, as albums do."""

from __future__ import annotations

from collections.abc import Iterable

from retrieval.context import Context
from retrieval.query import Example
from retrieval.query.options import SearchOptions
from retrieval.query.where import Has
from retrieval.search.answering import answer_all
from retrieval.search.results import SearchResult
from retrieval.tagging.picture_keys import content_of, keys_of


class Favourites:
    """The pictures that a person has marked. They are given as for `Albums`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, pictures: Iterable[Example]) -> int:
        """Mark pictures; return how many were not marked before."""
        catalogue = self._context.catalogue
        keys = keys_of(catalogue, pictures)
        with catalogue.writing():
            return catalogue.favourites.add(keys)

    def remove(self, pictures: Iterable[Example]) -> int:
        """Take the mark off; return how many pictures had it."""
        catalogue = self._context.catalogue
        keys = keys_of(catalogue, pictures)
        with catalogue.writing():
            return catalogue.favourites.remove(map(content_of, keys))

    def pictures(self, k: int = 1000) -> SearchResult:
        """Return the newest `k` favourites, as `Library.search` does."""
        return answer_all(self._context, [None], SearchOptions(k=k, where=Has("favourite")))[0]
