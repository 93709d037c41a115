"""What the library shows most: labels, or without any, the regions of its map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retrieval.catalogue.tags import Tagged
from retrieval.library import Library
from retrieval.map import Region

_MOST = 8


class Often:
    """Names for the first screen. For one thread: that of the library it is given."""

    def __init__(self) -> None:
        self._version: tuple[int, str] | None = None
        self._labels: list[str] = []

    def names(self, library: Library) -> dict[str, list[str]]:
        """Return up to eight `labels`; without any label, up to eight names of `regions`."""
        version = library.timeline.version()
        if version != self._version:  # counting 100,000 pictures takes a tenth of a second
            self._labels, self._version = top_labels(library.tags.all()), version
        regions: list[str] = []
        if not self._labels and (drawn := library.map.current()) is not None:
            regions = top_names(drawn.regions)
        return {"labels": self._labels, "regions": regions}


def top_labels(tags: Iterable[Tagged]) -> list[str]:
    """Return the labels with the most pictures, of tags whose most frequent come first."""
    return list(dict.fromkeys(tag.label for tag in tags))[:_MOST]


def top_names(regions: Sequence[Region]) -> list[str]:
    """Return the names of the regions with the most pictures, each once."""
    named = sorted((each for each in regions if each.name), key=lambda each: -each.count)
    return list(dict.fromkeys(each.name for each in named))[:_MOST]
