"""Finds texts of a corpus for pictures (descriptions) and for texts (translations)."""

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
from retrieval.tagging.corpora import Corpus, encode_corpus, languages

if TYPE_CHECKING:
    from retrieval.search.query_vectors import Askable

Via = Literal["texts", "pictures"]

_PICTURES = 20
"""At least this many of the nearest pictures are used for their captions."""


@dataclass(frozen=True, slots=True)
class Description:
    """A text of a corpus and its cosine with the query, -1 to 1; higher is nearer."""

    text: str
    lang: str
    score: float


def describe(query: Askable, corpus: Corpus, k: int, context: Context) -> tuple[Description, ...]:
    """Return the k texts of a corpus that are nearest to a picture, or to any other query.

    Raises what `Library.search` raises for a query.
    """
    vector = sum_of(embed_query(as_query(query), context.catalogue, context.model).positive)
    scores = encode_corpus(corpus, context.model.encoder()) @ vector
    return _best(corpus, scores, range(len(corpus.texts)), k)


def translate(
    text: str, corpus: Corpus, to: str, k: int, via: Via, context: Context
) -> tuple[Description, ...]:
    """Return the k texts of a corpus in another language that are nearest to a text.

    `via` "texts" compares the vectors of texts and needs a model that knows both languages. `via`
    "pictures" takes the captions of the library's nearest pictures and needs a model that knows
    the text's own language. Raises QueryError when the corpus has no text in the language, or the
    library has none of its pictures.
    """
    wanted = [place for place, entry in enumerate(corpus.texts) if entry.lang == to]
    if not wanted:
        known = ", ".join(languages(corpus))
        raise QueryError(f"the corpus has no text in “{to}”", f"its languages: {known}")
    embedded = embed_query(Query((Term("text", text),)), context.catalogue, context.model)
    vector = embedded.terms[0].vector
    if via == "texts":
        scores = encode_corpus(corpus, context.model.encoder()) @ vector
        return _best(corpus, scores, wanted, k)
    return _captions_of_nearest(corpus, wanted, vector, k, context)


def _captions_of_nearest(
    corpus: Corpus, wanted: Sequence[int], vector: NDArray[np.float32], k: int, context: Context
) -> tuple[Description, ...]:
    """Return the captions of the nearest pictures, those of the nearest one first."""
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
            "the library has no picture that the corpus has a caption for in that language",
            "index the folder with the corpus's pictures, or compare texts alone: --via texts",
        )
    return tuple(found[:k])


def _best(
    corpus: Corpus, scores: NDArray[np.float32], places: Sequence[int], k: int
) -> tuple[Description, ...]:
    """Return the k best of some texts, each wording once; ties are in the corpus's order."""
    found: dict[tuple[str, str], Description] = {}
    for place in sorted(places, key=lambda each: (-scores[each], each)):
        entry = corpus.texts[place]
        key = (entry.lang, entry.text.casefold())
        found.setdefault(key, Description(entry.text, entry.lang, float(scores[place])))
        if len(found) == k:
            break
    return tuple(found.values())
