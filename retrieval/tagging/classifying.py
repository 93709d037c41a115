"""Classifies texts and pictures by labels or by learned concepts."""

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
from retrieval.tagging.labels import clean_labels, picture_judge, zero_shot
from retrieval.tagging.zero_shot import shares

Item = str | os.PathLike[str] | int
"""A text (`str`), a picture's file (path-like), or the id of a picture of the library (`int`)."""


@dataclass(frozen=True, slots=True)
class LabelProbability:
    """A label or concept, and its probability, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Classified:
    """An item and its probable labels and concepts, the most probable first.

    The probabilities of the labels and `none`, the probability of no label, sum to 1; `none` is
    None without labels. The probabilities of concepts are independent of each other.
    """

    item: str
    labels: tuple[LabelProbability, ...]
    concepts: tuple[LabelProbability, ...]
    none: float | None


def classify(
    items: Sequence[Item], labels: Sequence[str], concepts: Sequence[str], context: Context
) -> list[Classified]:
    """Return, for each item, the probabilities of labels and of concepts.

    Raises QueryError without labels and concepts, or for an unknown concept; PictureError for a
    picture that cannot be read.
    """
    labels = clean_labels(labels)
    if not labels and not concepts:
        raise QueryError(
            "there are no labels or concepts to classify by",
            "name labels (--labels dog,cat) or a learned concept (--concept NAME)",
        )
    if not items:
        return []
    terms = tuple(_term(item) for item in items)
    embedded = embed_query(Query(terms), context.catalogue, context.model).terms
    vectors = np.stack([each.vector for each in embedded])
    is_text = np.array([term.kind == "text" for term in terms])
    probable = _label_shares(labels, vectors, is_text, context) if labels else None
    probabilities = {
        name: _concept_probabilities(name, vectors, is_text, context) for name in concepts
    }
    return [
        Classified(
            str(item),
            () if probable is None else _ranked(labels, probable[row]),
            _ranked(list(probabilities), np.array([each[row] for each in probabilities.values()])),
            None if probable is None else float(max(0.0, 1 - probable[row].sum())),
        )
        for row, item in enumerate(items)
    ]


def _label_shares(
    labels: Sequence[str],
    vectors: NDArray[np.float32],
    is_text: NDArray[np.bool_],
    context: Context,
) -> NDArray[np.float64]:
    """Return the shares (m, n) of labels for each of (m, dim) vectors."""
    odds = np.empty((len(vectors), len(labels)))
    if is_text.any():
        odds[is_text] = zero_shot(labels, context.model.encoder()).odds(vectors[is_text])
    if not is_text.all():
        odds[~is_text] = picture_judge(labels, context).odds(vectors[~is_text])
    return shares(odds)


def _concept_probabilities(
    name: str, vectors: NDArray[np.float32], is_text: NDArray[np.bool_], context: Context
) -> NDArray[np.float64]:
    """Return the probability (n,) of the concept for each vector.

    A head is calibrated on pictures, but all vectors of texts lie in another part of the space. So
    a text is judged by how far it stands out from texts about other things.
    """
    head = head_of(name, context.catalogue, context.model).head
    probabilities = head.probability(vectors)
    if is_text.any():
        others = cached_text_vectors(context.model.encoder(), unlikely_things()) @ head.direction
        z = background_of(others[None]).z((vectors[is_text] @ head.direction)[None])
        probabilities[is_text] = np.exp(log_present(z))[0]
    return probabilities


def _ranked(names: Sequence[str], scores: NDArray[np.float64]) -> tuple[LabelProbability, ...]:
    order = np.argsort(-scores, kind="stable")
    return tuple(LabelProbability(names[place], float(scores[place])) for place in order)


def _term(item: Item) -> Term:
    if isinstance(item, int):
        return Term("indexed", item)
    return Term("text", item) if isinstance(item, str) else Term("picture", item)
