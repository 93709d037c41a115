"""Measuring a library's baselines, when it has changed enough to matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.encoders.text_cache import cached_text_vectors
from retrieval.errors import ModelError
from retrieval.scoring.confidence import FEWEST, SAMPLE, measure, unlikely_things

if TYPE_CHECKING:
    from retrieval.catalogue import Catalogue
    from retrieval.context import ModelInUse
    from retrieval.stores.live_index import LiveIndex

_CHANGE = 0.1
"""The share of pictures that have to come or go before the baselines are measured again."""


def measure_baselines(catalogue: Catalogue, model: ModelInUse, nearest: LiveIndex) -> None:
    """Bring a model's baselines up to date; the caller holds the writer's lock.

    Needs the model only when something is to be measured.
    """
    with catalogue.reading():
        count = nearest.count()
        known = catalogue.baselines.of(model.row.id)
        if count and known is not None and abs(count - known[1]) <= _CHANGE * known[1]:
            return
        sample = nearest.sample(SAMPLE)
    try:
        baselines = None
        if len(sample) >= FEWEST:
            baselines = measure(
                cached_text_vectors(model.encoder(), unlikely_things()), sample, count
            )
    except ModelError:
        return  # pictures went, and the model is not at hand: the old baselines go on serving
    with catalogue.writing():
        if baselines is None:
            catalogue.baselines.forget(model.row.id)
        else:
            catalogue.baselines.put(model.row.id, baselines, count)
