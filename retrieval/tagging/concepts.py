"""Concepts that a user teaches by examples: learns and stores them, and tags pictures by them.

A head is learned from the examples. Pictures from all over the library serve as weak negative
examples, because hardly any of them shows the concept. A head belongs to the model it was learned
with; after a change of models it is learned again from the stored examples.

Each change is one short transaction, so concepts can be taught while pictures are indexed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.concepts import HeadRow
from retrieval.context import Context
from retrieval.errors import NameTaken, QueryError
from retrieval.query import Example, Query, example_term
from retrieval.query.names import clean_name
from retrieval.query.spelling import absolute
from retrieval.scoring.linear_head import BACKGROUND, Examples, Head, learn, without_liked
from retrieval.search.query_vectors import QueryVector, concept_row, embed_query, head_of

SOURCE = "concept"


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept, and how well it was learned with the library's model.

    `like` and `unlike` are the examples: "#17" for a picture of the library, or a path. `auc` and
    `accuracy` are cross-validated (`retrieval.scoring.linear_head`), None when there are too few
    examples. `learned` is False when the concept was not learned with the library's current model.
    """

    name: str
    like: tuple[str, ...]
    unlike: tuple[str, ...]
    learned: bool
    auc: float | None
    accuracy: float | None


class Concepts:
    """The concepts of a library."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def learn(
        self, name: str, like: Sequence[Example] = (), unlike: Sequence[Example] = ()
    ) -> Concept:
        """Learn a concept from pictures that show it and, if needed, pictures that do not.

        An existing concept is learned again, from these examples alone; without examples, from
        the stored ones. Raises QueryError when there is nothing to learn from, PictureError for a
        picture that cannot be read.
        """
        context = self._context
        known = context.catalogue.concepts.named(name)
        name = known.name if known else clean_name(name, "a concept")
        if not like and not unlike and known is not None:
            like, unlike = known.like, known.unlike
        if not like:
            raise QueryError(
                f"there are no examples to learn “{name}” from",
                f"give it pictures: pixtrieve concept learn {shlex.quote(name)} --like a.jpg b.jpg",
            )
        with context.catalogue.reading():
            liked, unliked = self._embed(like), self._embed(unlike)
            background = context.images.sample(BACKGROUND) if context.images.count() else None
        learned = _learned(name, examples_of(_vectors(liked), _vectors(unliked), background))
        with context.catalogue.writing():
            row_id = context.catalogue.concepts.put(name, _names(liked), _names(unliked))
            context.catalogue.concepts.put_head(row_id, context.model.row.id, learned)
        return self.named(name)

    def all(self) -> list[Concept]:
        """Return all concepts by name."""
        return [self.named(name) for name in self._context.catalogue.concepts.names()]

    def named(self, name: str) -> Concept:
        """Return a concept; QueryError when there is none of that name."""
        row = concept_row(name, self._context.catalogue)
        name, model = row.name, self._context.model.row
        head = self._context.catalogue.concepts.head(row.id, model.id, model.spec.dim)
        auc, accuracy = (head.auc, head.accuracy) if head else (None, None)
        return Concept(name, row.like, row.unlike, head is not None, auc, accuracy)

    def head(self, name: str) -> Head:
        """Return a concept's head for the library's model; QueryError when there is none."""
        return head_of(name, self._context.catalogue, self._context.model).head

    def tag(self, name: str, least: float = 0.5) -> int:
        """Tag the pictures whose probability of the concept is `least` (0 to 1) or more.

        Replaces the concept's earlier tags; returns the number of pictures tagged. Compares stored
        vectors only and reads no picture.
        """
        head = self.head(name)
        context = self._context
        name = concept_row(name, context.catalogue).name
        tags: list[tuple[int, str, float]] = []
        with context.catalogue.reading():
            for ids, vectors in context.catalogue.vectors(context.model.row).after(0):
                likely = head.probability(vectors)
                shown = likely >= least
                found = zip(ids[shown].tolist(), likely[shown].tolist(), strict=True)
                tags += [(vector_id, name, score) for vector_id, score in found]
        with context.catalogue.writing():
            concept_row(name, context.catalogue)  # raises if it was forgotten meanwhile
            context.catalogue.tags.remove(SOURCE, name)
            context.catalogue.tags.put(tags, SOURCE, context.model.row.id)
        return len(tags)

    def rename(self, name: str, new: str) -> Concept:
        """Give a concept and its tags another name; QueryError if another concept has it.

        Saved searches that ask for the old name say that there is no such concept.
        """
        context, new = self._context, clean_name(new, "a concept")
        with context.catalogue.writing():
            row, other = concept_row(name, context.catalogue), context.catalogue.concepts.named(new)
            if other is not None and other.id != row.id:
                raise NameTaken(
                    f"there is a concept “{other.name}” already", "choose another name", other.name
                )
            context.catalogue.concepts.rename(row.id, new)
            context.catalogue.tags.rename(SOURCE, row.name, new)
        return self.named(new)

    def forget(self, name: str) -> None:
        """Delete a concept and its tags; QueryError when there is none of that name."""
        context = self._context
        name = concept_row(name, context.catalogue).name
        with context.catalogue.writing():
            context.catalogue.concepts.forget(name)
            context.catalogue.tags.remove(SOURCE, name)

    def _embed(self, examples: Sequence[Example]) -> tuple[QueryVector, ...]:
        if not examples:
            return ()
        query = Query(tuple(example_term(example) for example in dict.fromkeys(examples)))
        return embed_query(query, self._context.catalogue, self._context.model).terms


def examples_of(
    liked: NDArray[np.float32],
    unliked: NDArray[np.float32],
    background: NDArray[np.float32] | None,
) -> Examples:
    """Weight examples: positives and negatives each sum to one half.

    Among the negatives, the whole background weighs as much as `len(liked)` pictures. All arguments
    are (n, dim) unit vectors. Background pictures that are also positives are left out.
    """
    dim = liked.shape[1]
    if background is None:
        background = np.empty((0, dim), np.float32)
    unliked = unliked.reshape(-1, dim)
    background = without_liked(background, liked)
    if not len(unliked) and not len(background):
        raise QueryError(
            "there is nothing to compare the examples with",
            "index more pictures, or name some that do not show it with --unlike",
        )
    vectors = np.concatenate([liked, unliked, background])
    kind = np.repeat([0, 1, 2], [len(liked), len(unliked), len(background)])
    faint = len(liked) / max(len(background), 1)
    weights = np.choose(kind, [1.0, 1.0, faint])
    wanted = kind == 0
    # Otherwise the offset would only reflect which kind has more examples.
    weights[wanted] /= weights[wanted].sum()
    weights[~wanted] /= weights[~wanted].sum()
    return Examples(vectors, wanted, weights / 2, kind < 2)


def _learned(name: str, examples: Examples) -> HeadRow:
    try:
        head, validated = learn(examples)
    except ValueError as error:
        raise QueryError(
            f"“{name}” could not be learned: {error}", "take other examples"
        ) from error
    return HeadRow(head, validated.auc, validated.accuracy)


def _vectors(examples: Sequence[QueryVector]) -> NDArray[np.float32]:
    return np.array([each.vector for each in examples], np.float32)


def _names(examples: Sequence[QueryVector]) -> list[str]:
    """Return what to store: pictures of the library by id, because their files may move."""
    names = [
        f"#{each.image_id}"
        if each.image_id is not None
        else each.term.value
        if "://" in each.term.value
        else absolute(each.term.value)
        for each in examples
    ]
    return list(dict.fromkeys(names))
