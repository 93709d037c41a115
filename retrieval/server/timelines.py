"""The orders of pictures that pages look at, so that all parts of a page are of one moment."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.timeline import Ordered
from retrieval.library import Library
from retrieval.query.options import Sort
from retrieval.search.timeline import Glimpse
from retrieval.server.placeholders import Placeholders

_KEPT = 8
FIRST = 200
"""How many tiles the page asks for together with an order."""
WIDEST = 6.0
"""Pictures whose sides differ more than this are shown as if they did not."""


@dataclass(frozen=True, slots=True)
class Order:
    """Pictures in an order; `name` is what pages call it.

    `answers` has what was sent of it last: an answer that is kept need not be read again while the
    browser asks for all files of the page.
    """

    name: str
    ids: NDArray[np.int64]
    facts: dict[str, Any]
    answers: dict[tuple[int, int], bytes] = field(default_factory=dict)


class Timelines:
    """Keeps the orders asked for last. For one thread: that of the library it is given."""

    def __init__(self) -> None:
        self._salt = secrets.token_hex(8)
        self._kept: OrderedDict[str, Order] = OrderedDict()

    def order(self, library: Library, where: str, sort: Sort | None) -> Order:
        """Return the pictures that match a filter, as they are now; raises QueryError."""
        timeline = library.timeline
        key = repr((self._salt, timeline.version(), where, sort))
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        found = self.named(name)
        if found is None:
            ordered = timeline.ordered(where, sort)
            found = self._kept[name] = Order(name, ordered.ids, _facts(name, ordered, sort))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def named(self, name: str) -> Order | None:
        """Return an order by its name; None if it was too long ago."""
        if name in self._kept:
            self._kept.move_to_end(name)
        return self._kept.get(name)


def tiles(
    library: Library, image_ids: Sequence[int], placeholders: Placeholders
) -> list[dict[str, Any] | None]:
    """Return what a tile shows of each picture, None of one that left."""
    glimpses = library.timeline.glimpses(image_ids)
    found = (glimpses.get(image_id) for image_id in image_ids)
    return [None if each is None else _shown(each, placeholders) for each in found]


def _shown(glimpse: Glimpse, placeholders: Placeholders) -> dict[str, Any]:
    placeholder = placeholders.of(glimpse.sha256) or glimpse.grey
    return {
        "id": glimpse.id,
        "name": glimpse.name,
        "date": glimpse.date,
        "favourite": glimpse.favourite,
        "duration": glimpse.duration,
        "placeholder": b64encode(placeholder).decode(),
    }


def _facts(name: str, ordered: Ordered, sort: Sort | None) -> dict[str, Any]:
    codes = ratio_codes(ordered.widths, ordered.heights)
    return {
        "order": name,
        "count": len(ordered.ids),
        "ratios": b64encode(codes.tobytes()).decode(),
        "days": _days(ordered.days) if sort in ("date", "date-desc") else [],
    }


def ratio_codes(widths: NDArray[np.int64], heights: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return width / height as bytes: 0 is 1 / WIDEST, 255 is WIDEST, even in its logarithm."""
    ratios = np.log(np.maximum(widths, 1) / np.maximum(heights, 1)) / np.log(WIDEST)
    codes: NDArray[np.uint8] = np.rint((np.clip(ratios, -1, 1) + 1) * 127.5).astype(np.uint8)
    return codes


def _days(days: Sequence[str]) -> list[tuple[str, int]]:
    """Return each day and how many pictures follow that were taken on it."""
    return [(day, len(list(same))) for day, same in itertools.groupby(days)]
