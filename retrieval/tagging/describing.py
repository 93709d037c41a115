"""From pictures and texts to texts of a corpus: descriptions, and what says the same elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.context import Context
from retrieval.errors import QueryError
from retrieval.query import Query, Term
from retrieval.search.query_vectors import as_query, embed_query
from retrieval.search.ranking import sum_of
from retrieval.tagging.corpora import Corpus, encoded, languages

if TYPE_CHECKING:
    from retrieval.search.query_vectors import Askable

Via = Literal["texts", "pictures"]

_PICTURES = 20
"""So many of the nearest pictures are asked for their captions."""


@dataclass(frozen=True, slots=True)
class Description:
    """A text of a corpus and the cosine, -1 to 1, with which it was found; higher is nearer."""

    text: str
    lang: str
    score: float


def describe(asked: Askable, corpus: Corpus, k: int, context: Context) -> tuple[Description, ...]:
    """Return the k texts of a corpus that are nearest to a picture, or to any other question.

    Raises what `Library.search` raises for a question.
    """
    vector = sum_of(embed_query(as_query(asked), context.catalogue, context.model).positive)
    scores = encoded(corpus, context.model.encoder()) @ vector
    return _best(corpus, scores, range(len(corpus.texts)), k)


def translate(
    text: str, corpus: Corpus, to: str, k: int, via: Via, context: Context
) -> tuple[Description, ...]:
    """Return the k texts of a corpus in another language that are nearest to a text.

    `via` "texts" compares their vectors, which needs a model that knows both languages. "pictures"
    asks for the nearest of the library's pictures and takes their captions, which needs a model
    that knows the text's own language. QueryError when the corpus has no text in that language, or
    none of its pictures is in the library.
    """
    wanted = [place for place, told in enumerate(corpus.texts) if told.lang == to]
    if not wanted:
        known = ", ".join(languages(corpus))
        raise QueryError(f"the corpus has no text in “{to}”", f"its languages: {known}")
    question = embed_query(Query((Term("text", text),)), context.catalogue, context.model)
    vector = question.terms[0].vector
    if via == "texts":
        scores = encoded(corpus, context.model.encoder()) @ vector
        return _best(corpus, scores, wanted, k)
    return _of_pictures(corpus, wanted, vector, k, context)


def _of_pictures(
    corpus: Corpus, wanted: Sequence[int], vector: NDArray[np.float32], k: int, context: Context
) -> tuple[Description, ...]:
    """Take the captions of the nearest pictures, those of the nearest one first."""
    by_file: dict[str, list[int]] = {}
    for place in wanted:
        by_file.setdefault(corpus.texts[place].file, []).append(place)
    depth = max(k, _PICTURES)
    with context.catalogue.reading():
        count = context.images.count()
        while True:
            scores, ids = context.images.search(vector[None], depth)
            images = context.catalogue.lookup.by_vector(ids[0].tolist())
            found = [
                Description(corpus.texts[place].text, corpus.texts[place].lang, float(score))
                for vector_id, score in zip(ids[0].tolist(), scores[0].tolist(), strict=True)
                if vector_id in images
                for path in images[vector_id].paths
                for place in by_file.get(path, ())
            ]
            if len(found) >= k or depth >= count:
                break
            depth *= 8
    if not found:
        raise QueryError(
            "none of the corpus's pictures with captions in that language is in the library",
            "index the folder with the pictures that the corpus names, or go by texts alone: "
            "--via texts",
        )
    return tuple(found[:k])


def _best(
    corpus: Corpus, scores: NDArray[np.float32], places: Sequence[int], k: int
) -> tuple[Description, ...]:
    """Return the k best of some texts, each wording once, equal scores in the corpus's order."""
    found: dict[tuple[str, str], Description] = {}
    for place in sorted(places, key=lambda each: (-scores[each], each)):
        told = corpus.texts[place]
        key = (told.lang, told.text.casefold())
        found.setdefault(key, Description(told.text, told.lang, float(scores[place])))
        if len(found) == k:
            break
    return tuple(found.values())
