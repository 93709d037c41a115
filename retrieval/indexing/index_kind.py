"""Chooses how a library is searched, exactly or in clusters, and measures what clusters find."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import WHOLE
from retrieval.context import ModelInUse
from retrieval.encoders.text_cache import cached_text_vectors
from retrieval.errors import ModelError
from retrieval.folder.session import Session, cache_path
from retrieval.scoring.confidence import unlikely_things
from retrieval.scoring.phrasings import phrasings
from retrieval.stores import VectorIndex
from retrieval.stores.live_index import LiveIndex
from retrieval.tagging.corpora import read_corpus

_log = logging.getLogger(__name__)

_TOO_SLOW_MS, _FAST_ENOUGH_MS = 50.0, 35.0
"""An exact question slower than the first turns to clusters, one faster than the second turns back.

The two differ so that noise does not rebuild the cache.
"""

_FEW = 300_000
"""Up to this many vectors, no processor takes that long."""

_K, _QUESTIONS_MEASURED = 10, 15
_EVERY = 3
"""One everyday phrase in this many is asked, in one of its phrasings."""


def settle_index(
    session: Session,
    model: ModelInUse,
    images: VectorIndex,
    wanted: str | None,
    *,
    rebuilt: bool,
) -> VectorIndex:
    """Build the index of pictures that the library wants; return it.

    `wanted`, if given, is what it wants from now on: "auto", "exact" or "ivf". `rebuilt` tells
    whether `images` is new; if it is not, "auto" is not measured again. The caller holds the writer
    lock. Measures an approximate index with questions in words, so it may load the model. An index
    on a server stays as it is.

    Questions go on with the old index until the other one is built and measured.
    """
    catalogue = session.catalogue
    if wanted is not None:
        with catalogue.writing():
            catalogue.put_setting("index", wanted)
    if not isinstance(images, LiveIndex):
        return images
    used, choice = session.index_kind, catalogue.setting("index", "auto")
    if choice == "auto" and wanted is None and not rebuilt:
        kind = used
    else:
        kind = _kind(choice, used, images)
    if kind != used:
        other = session.index_of(model.row, kind=kind, indexing=True)
        assert isinstance(other, LiveIndex)
        images = other
        with catalogue.reading():
            images.refresh()
    _measure(session, model, images)
    if kind != used:
        with catalogue.writing():
            catalogue.put_setting("index_kind", kind)
        session.drop_file(cache_path(session.path, model.row.spec.fingerprint, WHOLE, used))
    return images


def _measure(session: Session, model: ModelInUse, images: LiveIndex) -> None:
    """Tune an approximate index that is not tuned yet."""
    with session.catalogue.reading():
        approximate = images.approximate()
    if approximate is None or approximate.tuning is not None:
        return
    try:
        questions = cached_text_vectors(model.encoder(), _questions())
    except ModelError as error:
        _log.warning("the index is not measured, so searches stay exact: %s", error.message)
        return
    approximate.tune(questions)


def _kind(wanted: str, used: str, images: LiveIndex) -> str:
    if wanted != "auto":
        return wanted
    if images.count() <= _FEW:
        return "exact"
    sample = images.sample(_QUESTIONS_MEASURED)
    slowest = _FAST_ENOUGH_MS if used == "ivf" else _TOO_SLOW_MS
    return "ivf" if exact_milliseconds(images, sample) > slowest else "exact"


def exact_milliseconds(images: LiveIndex, queries: NDArray[np.float32]) -> float:
    """Return the median time of exact answers to (q, dim) queries."""
    from retrieval.stores.clustered import median_ms

    return median_ms(lambda query: images.search(query[None], _K, exact=True), queries)


def _questions() -> list[str]:
    """Return questions in words: names of things, and everyday phrases as one types them."""
    phrases = [text.text for text in read_corpus().texts[::_EVERY]]
    forms = [phrasings(phrase) for phrase in phrases]
    asked = [each[number % len(each)] for number, each in enumerate(forms)]
    return [*unlikely_things(), *asked]
