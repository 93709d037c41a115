"""Searches the texts of pictures: finds the pictures whose texts match, and scores them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.query.tokens import plain, query_words, terms
from retrieval.search.fusion import background_of, text_evidence

if TYPE_CHECKING:
    from retrieval.catalogue import Catalogue, TextRow, Vectors
    from retrieval.context import Context
    from retrieval.stores import Ids, IdSet, VectorIndex

Floats = NDArray[np.float64]

_BACKGROUND = 2048
_SNIPPET = 160


@dataclass(frozen=True, slots=True)
class Snippet:
    """A part of a picture's text that matches the query; `source` is as in `catalogue.texts`."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class TextIndex:
    """The texts of a library: full text in the catalogue, and `vectors`, an index of embeddings.

    `pictures` and `descriptions` are the catalogue's vectors of pictures and of texts, `images` is
    the index of the former and `vectors` of the latter: None if no text has a vector. `count` is
    the number of pictures.
    """

    catalogue: Catalogue
    pictures: Vectors
    descriptions: Vectors
    images: VectorIndex
    vectors: VectorIndex | None
    count: int


@dataclass(frozen=True, slots=True)
class TextScores:
    """The texts' scores for n pictures: `cosine` (n,) of query and text, `evidence` (n,) >= 0.

    `has_vector` (n,) marks pictures that have a text vector. The others get the median `cosine`,
    which is neutral.
    """

    cosine: Floats
    evidence: Floats
    has_vector: NDArray[np.bool_]

    def at(self, order: NDArray[np.int64]) -> TextScores:
        """Return the scores at these indices, in this order."""
        return TextScores(self.cosine[order], self.evidence[order], self.has_vector[order])


def text_index(context: Context) -> TextIndex | None:
    """Return the texts of a library; None if there are none."""
    catalogue, row = context.catalogue, context.model.row
    if not catalogue.texts.exist():
        return None
    descriptions = catalogue.vectors(row, "text")
    vectors = context.texts if descriptions.exist() else None
    count = context.images.count()
    return TextIndex(
        catalogue, catalogue.vectors(row), descriptions, context.images, vectors, count
    )


class TextQuery:
    """A search for one query in the texts; the caller must hold `catalogue.reading()`.

    `found` are the vector ids (n,) of the pictures with matching texts.
    """

    def __init__(
        self,
        index: TextIndex,
        words: str,
        vector: NDArray[np.float32],
        allowed: IdSet | None,
        depth: int,
    ) -> None:
        """Search for `words`, which may be "", and for a unit vector (dim,).

        `allowed` are vector ids of pictures; None allows all. The `depth` best texts of each word
        and the `depth` nearest text vectors are found.
        """
        self._depth = depth
        self._index = index
        self._vector = vector
        images = None if allowed is None else index.pictures.images_of(allowed)
        self._matched = index.catalogue.texts.matching(
            terms(words), depth, index.count, None if images is None else images.tolist()
        )
        self._text_of = self._nearest(images)
        matching = np.unique(np.array([*self._matched, *self._text_of], np.int64))
        ids = index.pictures.ids_of(matching, certain=True)
        self.found = ids[index.images.holds(ids)]

    def score(self, ids: Ids) -> TextScores:
        """Return the texts' scores for the pictures with these vector ids (n,)."""
        images = self._index.pictures.images_of(ids)
        words = np.array([self._matched.get(image, 0.0) for image in images.tolist()])
        vectors = self._index.vectors
        if vectors is None:
            zeros = np.zeros(len(ids))
            return TextScores(zeros, text_evidence(None, words), zeros > 0)
        # Equal texts count once. Their cosines may differ in the last bits.
        sample = np.unique(np.round(vectors.sample(_BACKGROUND) @ self._vector, 6))
        background = background_of(sample[None])
        cosine = np.full(len(ids), background.median[0])
        text_ids = self._index.descriptions.ids_of(images)
        known = [
            self._text_of.get(image, found) for image, found in zip(images, text_ids, strict=True)
        ]
        if not np.array_equal(known, text_ids):
            raise self._index.descriptions.index_damaged()
        has_vector = vectors.holds(text_ids)
        cosine[has_vector] = vectors.vectors(text_ids[has_vector]) @ self._vector
        z = np.where(has_vector, background.z(cosine[None])[0], -np.inf)
        return TextScores(cosine, text_evidence(z, words), has_vector)

    def _nearest(self, images: NDArray[np.int64] | None) -> dict[int, int]:
        """Return the images with the nearest text vectors, and the ids of these."""
        index = self._index
        if index.vectors is None:
            return {}
        allowed = None
        if images is not None:
            allowed = np.unique(index.descriptions.ids_of(images))
            allowed = allowed[allowed > 0]
        _, ids = index.vectors.search(self._vector[None], self._depth, allowed)
        found = index.descriptions.images_of(ids[0])
        return {
            image: id_ for image, id_ in zip(found.tolist(), ids[0].tolist(), strict=True) if image
        }


def snippets(texts: tuple[TextRow, ...], words: str, *, by_meaning: bool) -> tuple[Snippet, ...]:
    """Return the best line of each source that shares words with a query, cut to a short length.

    If no line does and the texts were found by their vectors (`by_meaning`), return the first line.
    """
    patterns = [re.compile(_beginning(word)) for word in query_words(words)]
    found: list[Snippet] = []
    texts = tuple(row for row in texts if row.source != "name")  # hits show their names anyway
    for row in texts:
        lines = row.text.split("\n")
        scored = [sum(bool(p.search(plain(line).lower())) for p in patterns) for line in lines]
        best = int(np.argmax(scored))
        if scored[best]:
            found.append(Snippet(row.source, _cut(lines[best], patterns)))
    if not found and by_meaning and texts:
        found.append(Snippet(texts[0].source, _cut(texts[0].text.split("\n")[0], [])))
    return tuple(found)


def _beginning(word: str) -> str:
    """Return a pattern for a word and its inflections, roughly as the index's stemmer has them."""
    if not word.isascii():
        return re.escape(word)
    return r"\b" + re.escape(word[: max(len(word) - 2, 3)])


def _cut(line: str, patterns: list[re.Pattern[str]]) -> str:
    if len(line) <= _SNIPPET:
        return line
    places = [hit.start() for p in patterns if (hit := p.search(line.lower()))]
    start = max(min(places, default=0) - _SNIPPET // 4, 0)
    front, back = "…" if start else "", "…" if start + _SNIPPET < len(line) else ""
    return front + line[start : start + _SNIPPET].strip() + back
