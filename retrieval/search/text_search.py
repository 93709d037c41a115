"""What texts say for a question: which pictures they name, and how much that weighs for each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.query.tokens import plain, terms, words_of
from retrieval.search.fusion import background_of, text_evidence

if TYPE_CHECKING:
    from retrieval.catalogue import Catalogue, TextRow, Vectors
    from retrieval.context import Context
    from retrieval.stores import Ids, IdSet
    from retrieval.stores.live_index import LiveIndex

Floats = NDArray[np.float64]

_BACKGROUND = 2048
_SNIPPET = 160


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a picture's text that fits the question; `source` as in `catalogue.texts`."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class TextIndexSearch:
    """Where texts are looked up: words in the catalogue, `meanings` by the texts' own vectors.

    `pictures` and `descriptions` are the catalogue's vectors of pictures and of texts; `meanings`
    is None where no text has a vector. `count` is the number of pictures.
    """

    catalogue: Catalogue
    pictures: Vectors
    descriptions: Vectors
    meanings: LiveIndex | None
    count: int


@dataclass(frozen=True, slots=True)
class TextScores:
    """What texts say for n pictures: `cosine` with their own vectors (n,), `evidence` (n,) >= 0.

    Pictures without a vector of a text have the median `cosine` of those that have one, that is
    nothing for or against them, and are not in `has`.
    """

    cosine: Floats
    evidence: Floats
    has: NDArray[np.bool_]

    def at(self, order: NDArray[np.int64]) -> TextScores:
        """Return what is told of these pictures in another order, or of some of them."""
        return TextScores(self.cosine[order], self.evidence[order], self.has[order])


def text_index_search(context: Context) -> TextIndexSearch | None:
    """Return where a library's texts are looked up, None if there are none."""
    catalogue, row = context.catalogue, context.model.row
    if not catalogue.texts.exist():
        return None
    descriptions = catalogue.vectors(row, "text")
    meanings = context.texts if descriptions.exist() else None
    count = context.images.count()
    return TextIndexSearch(catalogue, catalogue.vectors(row), descriptions, meanings, count)


class TextQuery:
    """One question's words, put to the texts; the caller holds `catalogue.reading()`.

    `found` are the ids (n,) of the pictures' vectors that texts speak for.
    """

    def __init__(
        self,
        side: TextIndexSearch,
        words: str,
        vector: NDArray[np.float32],
        allowed: IdSet | None,
        depth: int,
    ) -> None:
        """Ask with `words`, perhaps "", and a unit vector (dim,); `allowed` are pictures' ids.

        The `depth` best of each word, and the nearest `depth` in meaning, count.
        """
        self._depth = depth
        self._side = side
        self._vector = vector
        images = None if allowed is None else side.pictures.images_of(allowed)
        self._matched = side.catalogue.texts.matching(
            terms(words), depth, side.count, None if images is None else images.tolist()
        )
        spoken_for = np.union1d(np.array(list(self._matched), np.int64), self._nearest(images))
        ids = side.pictures.ids_of(spoken_for)
        self.found = ids[ids > 0]

    def scores(self, ids: Ids) -> TextScores:
        """Weigh what texts say for the pictures with these vectors' ids (n,)."""
        images = self._side.pictures.images_of(ids)
        words = np.array([self._matched.get(image, 0.0) for image in images.tolist()])
        meanings = self._side.meanings
        if meanings is None:
            nothing = np.zeros(len(ids))
            return TextScores(nothing, text_evidence(None, words), nothing > 0)
        usual = background_of((meanings.sample(_BACKGROUND) @ self._vector)[None])
        cosine = np.full(len(ids), usual.median[0])
        of_texts = self._side.descriptions.ids_of(images)
        has = of_texts > 0
        cosine[has] = meanings.vectors(of_texts[has]) @ self._vector
        z = np.where(has, usual.z(cosine[None])[0], -np.inf)
        return TextScores(cosine, text_evidence(z, words), has)

    def _nearest(self, images: NDArray[np.int64] | None) -> NDArray[np.int64]:
        side = self._side
        if side.meanings is None:
            return np.empty(0, np.int64)
        allowed = None
        if images is not None:
            allowed = np.unique(side.descriptions.ids_of(images))
            allowed = allowed[allowed > 0]
        _, ids = side.meanings.search(self._vector[None], self._depth, allowed)
        return side.descriptions.images_of(ids[0])


def snippets(texts: tuple[TextRow, ...], words: str, *, meant: bool) -> tuple[Snippet, ...]:
    """Return the lines that share words with a question, one a source, cut to a readable length.

    Where no line does and the texts were found by their meaning (`meant`), the first line counts.
    """
    patterns = [re.compile(_beginning(word)) for word in words_of(words)]
    found: list[Snippet] = []
    texts = tuple(row for row in texts if row.source != "name")  # every hit shows its name
    for row in texts:
        lines = row.text.split("\n")
        scored = [sum(bool(p.search(plain(line).lower())) for p in patterns) for line in lines]
        best = int(np.argmax(scored))
        if scored[best]:
            found.append(Snippet(row.source, _cut(lines[best], patterns)))
    if not found and meant and texts:
        found.append(Snippet(texts[0].source, _cut(texts[0].text.split("\n")[0], [])))
    return tuple(found)


def _beginning(word: str) -> str:
    """Return a pattern for a word and its forms: what the index's stemmer makes equal, roughly."""
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
