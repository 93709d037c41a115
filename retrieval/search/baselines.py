"""Measures a library's score baselines when the library has changed enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.encoders.text_cache import cached_text_vectors
from retrieval.errors import ModelError
from retrieval.scoring.confidence import FEWEST, SAMPLE, measure, unlikely_things

if TYPE_CHECKING:
    from retrieval.catalogue import Catalogue
    from retrieval.context import ModelInUse
    from retrieval.stores import VectorIndex

_CHANGE = 0.1
"""The baselines are measured again when the number of pictures changes by this share."""

_FEW = 5_000
"""Up to this many pictures, which takes milliseconds, they are measured after every change."""


def measure_baselines(
    catalogue: Catalogue, model: ModelInUse, nearest: VectorIndex, *, changed: bool
) -> None:
    """Update a model's baselines; the caller must hold the writer lock.

    `changed` tells whether there are other pictures than at the last call. Loads the model only if
    there is something to measure.
    """
    with catalogue.reading():
        count = nearest.count()
        known = catalogue.baselines.of(model.row.id)
        if count and known is not None:
            same = count == known[1] and not changed
            if same or (count > _FEW and abs(count - known[1]) <= _CHANGE * known[1]):
                return
        sample = nearest.sample(SAMPLE)
    try:
        baselines = None
        if len(sample) >= FEWEST:
            baselines = measure(
                cached_text_vectors(model.encoder(), unlikely_things()), sample, count
            )
    except ModelError:
        return  # The model is not available: keep the old baselines.
    with catalogue.writing():
        if baselines is None:
            catalogue.baselines.forget(model.row.id)
        else:
            catalogue.baselines.put(model.row.id, baselines, count)
