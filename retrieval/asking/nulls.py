"""Measuring a library's nulls, when it has changed enough to matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.confidence import FEWEST, SAMPLE, measure, unlikely_things
from retrieval.encoders.compiled.kept_texts import kept_vectors
from retrieval.errors import ModelError

if TYPE_CHECKING:
    from retrieval.asking.nearest import NearestVectors
    from retrieval.catalogue import Catalogue
    from retrieval.model_in_use import ModelInUse

_CHANGE = 0.1
"""The share of pictures that have to come or go before the nulls are measured again."""


def measure_nulls(catalogue: Catalogue, model: ModelInUse, nearest: NearestVectors) -> None:
    """Bring a model's nulls up to date; the caller holds the writer's lock.

    Needs the model only when something is to be measured.
    """
    with catalogue.reading():
        count = nearest.count()
        known = catalogue.nulls.of(model.row.id)
        if count and known is not None and abs(count - known[1]) <= _CHANGE * known[1]:
            return
        sample = nearest.sample(SAMPLE)
    try:
        nulls = None
        if len(sample) >= FEWEST:
            nulls = measure(kept_vectors(model.encoder(), unlikely_things()), sample, count)
    except ModelError:
        return  # pictures went, and the model is not at hand: the old nulls go on serving
    with catalogue.writing():
        if nulls is None:
            catalogue.nulls.forget(model.row.id)
        else:
            catalogue.nulls.put(model.row.id, nulls, count)
