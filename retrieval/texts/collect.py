"""Collects the texts of pictures and encodes descriptions: part of an indexing run.

    changed sidecars → read → images whose texts changed → texts → a vector for each description

The catalogue knows at each step what is left to do, and each step commits in pages. So a run that
ended early continues where it stopped, and a run without changes costs two small queries.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import NAME, SIDECAR, XMP, Catalogue
from retrieval.catalogue.scan import Scan, Scope
from retrieval.catalogue.sidecars import SidecarRecord
from retrieval.context import ModelInUse
from retrieval.encoders import Encoder
from retrieval.query.fields import Facts
from retrieval.texts.names import words_of_path
from retrieval.texts.sidecars import read_sidecar
from retrieval.vectors import normalise

_PAGE = 256

_PIECE_WORDS = 45
"""Models read about 77 tokens of a text; longer texts are encoded in pieces of this many words."""

_MAX_PIECES = 8


def read_sidecars(catalogue: Catalogue, scope: Scope, scan: Scan, stop: threading.Event) -> None:
    """Read the sidecars that a walk found new or changed, and drop those that were deleted."""
    waiting: list[SidecarRecord] = []
    for found in scan.changed_sidecars():
        if stop.is_set():
            break
        read = read_sidecar(os.path.join(scope.root.path, found.path))
        if read is not None:
            waiting.append(SidecarRecord(found, *read))
        if len(waiting) == _PAGE:
            catalogue.sidecars.record(scope.root, waiting)
            waiting = []
    if waiting:
        catalogue.sidecars.record(scope.root, waiting)
    scan.forget_gone_sidecars()


def refresh_texts(catalogue: Catalogue, stop: threading.Event) -> Iterator[int]:
    """Collect the texts of images whose files or sidecars changed; yield how many, in pages."""
    while not stop.is_set():
        image_ids = catalogue.sidecars.to_refresh(_PAGE)
        if not image_ids:
            return
        with catalogue.writing():
            for image_id in image_ids:
                texts, facts = _texts_of(catalogue, image_id)
                catalogue.texts.put(image_id, texts)
                catalogue.sidecars.complete_facts(image_id, facts)
            catalogue.sidecars.mark_refreshed(image_ids)
        yield len(image_ids)


def encode_descriptions(
    catalogue: Catalogue,
    model: ModelInUse,
    stop: threading.Event,
    known: Callable[[str], NDArray[np.float32] | None] = lambda _: None,
) -> Iterator[int]:
    """Encode descriptions that have no vector yet; yield how many, in pages.

    `known` returns the (dim,) vector of a description that was encoded elsewhere. The model is
    loaded only if it is needed; ModelError when that fails.
    """
    while not stop.is_set():
        page = catalogue.texts.without_vector(model.row.id, _PAGE)
        if not page:
            return
        told = {text: known(text) for _, text in page}
        found = {text: vector for text, vector in told.items() if vector is not None}
        missing = [text for text in told if text not in found]
        if missing:
            rows = description_vectors(model.encoder(), missing)
            found.update(zip(missing, rows, strict=True))
        vectors = np.stack([found[text] for _, text in page]).astype(np.float32)
        catalogue.texts.put_vectors(model.row.id, [image_id for image_id, _ in page], vectors)
        yield len(page)


def description_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return one unit vector (n, dim) per text: the mean over its lines, split where too long."""
    pieces = [_pieces(text) for text in texts]
    number = {piece: at for at, piece in enumerate(dict.fromkeys(chain(*pieces)))}
    known = list(number)
    vectors = np.concatenate(
        [encoder.encode_texts(known[at : at + _PAGE]) for at in range(0, len(known), _PAGE)]
    )
    means = [vectors[[number[piece] for piece in own]].mean(axis=0) for own in pieces]
    return normalise(np.stack(means).astype(np.float32))


def _pieces(text: str) -> list[str]:
    words = [line.split() for line in text.split("\n")]
    pieces = [
        " ".join(line[at : at + _PIECE_WORDS])
        for line in words
        for at in range(0, len(line), _PIECE_WORDS)
    ]
    return pieces[:_MAX_PIECES]


def _texts_of(catalogue: Catalogue, image_id: int) -> tuple[dict[str, str], list[Facts]]:
    """Return an image's texts by source, and the facts in its sidecars."""
    places, beside = catalogue.sidecars.beside(image_id)
    collected = {
        source: [told.text for told in beside if told.source == source] for source in (SIDECAR, XMP)
    }
    collected[NAME] = [words_of_path(place.root, place.path) for place in places]
    texts = {
        source: "\n".join(dict.fromkeys(filter(None, lines))) for source, lines in collected.items()
    }
    return texts, [told.facts for told in beside]
