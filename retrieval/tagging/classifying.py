"""Texts and pictures alike, told apart by labels or by learned concepts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.context import Context
from retrieval.encoders.text_cache import cached_text_vectors
from retrieval.errors import QueryError
from retrieval.query import Query, Term
from retrieval.scoring.confidence import unlikely_things
from retrieval.search.fusion import background_of, log_present
from retrieval.search.query_vectors import embed_query, head_of
from retrieval.tagging.labels import cleaned, zero_shot

Item = str | os.PathLike[str] | int
"""A text (`str`), a picture's file (path-like), or the id of a picture of the library (`int`)."""


@dataclass(frozen=True, slots=True)
class Likely:
    """A label or concept, and how likely it is, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Classified:
    """An item and what it may be, the likeliest first.

    The probabilities of labels sum to 1 with `none`, the one that it is none of them; None when
    no labels were asked for. Each concept's is by itself.
    """

    item: str
    labels: tuple[Likely, ...]
    concepts: tuple[Likely, ...]
    none: float | None


def classify(
    items: Sequence[Item], labels: Sequence[str], concepts: Sequence[str], context: Context
) -> list[Classified]:
    """Say for each item which label it is, and how likely it shows each concept.

    Raises QueryError without labels and concepts, or for a concept that is not known; PictureError
    for a picture that cannot be read.
    """
    labels = cleaned(labels)
    if not labels and not concepts:
        raise QueryError(
            "there is nothing to tell the items apart by",
            "name labels (--labels dog,cat) or a learned concept (--concept NAME)",
        )
    if not items:
        return []
    terms = tuple(_term(item) for item in items)
    asked = embed_query(Query(terms), context.catalogue, context.model).terms
    vectors = np.stack([each.vector for each in asked])
    shares = zero_shot(labels, context.model.encoder()).shares(vectors) if labels else None
    is_text = np.array([term.kind == "text" for term in terms])
    likely = {name: _of_concept(name, vectors, is_text, context) for name in concepts}
    return [
        Classified(
            str(item),
            () if shares is None else _ranked(labels, shares[row]),
            _ranked(list(likely), np.array([each[row] for each in likely.values()])),
            None if shares is None else float(max(0.0, 1 - shares[row].sum())),
        )
        for row, item in enumerate(items)
    ]


def _of_concept(
    name: str, vectors: NDArray[np.float32], is_text: NDArray[np.bool_], context: Context
) -> NDArray[np.float64]:
    """Return how likely each vector shows the concept.

    A head is calibrated on pictures. The vectors of texts lie elsewhere in the space, all of them:
    they are judged by how far they stand out from texts about other things.
    """
    head = head_of(name, context.catalogue, context.model).head
    likely = head.probability(vectors)
    if is_text.any():
        others = cached_text_vectors(context.model.encoder(), unlikely_things()) @ head.direction
        z = background_of(others[None]).z((vectors[is_text] @ head.direction)[None])
        likely[is_text] = np.exp(log_present(z))[0]
    return likely


def _ranked(names: Sequence[str], scores: NDArray[np.float64]) -> tuple[Likely, ...]:
    order = np.argsort(-scores, kind="stable")
    return tuple(Likely(names[place], float(scores[place])) for place in order)


def _term(item: Item) -> Term:
    if isinstance(item, int):
        return Term("indexed", item)
    return Term("text", item) if isinstance(item, str) else Term("picture", item)
