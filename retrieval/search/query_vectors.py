"""From what a person asks with (words, pictures, vectors) to unit vectors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.texts.known_words import unknown_words
from retrieval.errors import PictureError, QueryError
from retrieval.images import Problem, ReadLimits
from retrieval.query import Query, Term
from retrieval.vectors import normalise

if TYPE_CHECKING:
    from PIL import Image

    from retrieval.catalogue import Catalogue, ImageRow
    from retrieval.catalogue.concepts import ConceptRow, HeadRow
    from retrieval.context import ModelInUse
    from retrieval.scoring.confidence import ScoreBaseline

    Askable = Query | Term | str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A term's unit vector (dim,), and the image it is itself, when the library has that one.

    `baseline` is set where the term has its own measure of what a cosine is worth: a learned
    concept. That is a probability where it was `proven` on examples left out (`heads.learn`).
    """

    term: Term
    vector: NDArray[np.float32]
    image_id: int | None = None
    baseline: ScoreBaseline | None = None
    proven: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A query, understood: its terms in their order, and the words that the model never saw."""

    terms: tuple[QueryVector, ...]
    unknown: tuple[str, ...] = ()

    @property
    def positive(self) -> tuple[QueryVector, ...]:
        """What hits must show; at least one."""
        return tuple(asked for asked in self.terms if not asked.term.negative)

    @property
    def negative(self) -> tuple[QueryVector, ...]:
        """What hits must not show."""
        return tuple(asked for asked in self.terms if asked.term.negative)


def as_query(asked: Askable) -> Query:
    """Return anything one can ask with as a query.

    A `str` is a text, never a path, an address or a written form (`Query.parse` reads that); a
    path-like names a picture file; `bytes` are a picture file's bytes; a Pillow image or an
    (H, W, 3) uint8 array is a picture; a (dim,) float array is an embedding, taken for a
    picture's. QueryError for anything else.
    """
    if isinstance(asked, Query):
        return asked
    if isinstance(asked, Term):
        return Query((asked,))
    if isinstance(asked, str):
        return Query.of_text(asked)
    if isinstance(asked, os.PathLike | bytes | np.ndarray) or hasattr(asked, "getbbox"):
        return Query((Term("picture", asked),))
    raise QueryError(
        f"a {type(asked).__name__} is nothing to ask with",
        "ask with a str, a Query, a Path, a picture's bytes, a Pillow image or an array; "
        "several questions at once: search_many",
    )


def embed_query(
    query: Query, catalogue: Catalogue, model: ModelInUse, limits: ReadLimits | None = None
) -> EmbeddedQuery:
    """Turn the terms of one query into vectors: see `embed_queries`."""
    return embed_queries([query], catalogue, model, limits)[0]


def embed_queries(
    queries: Sequence[Query],
    catalogue: Catalogue,
    model: ModelInUse,
    limits: ReadLimits | None = None,
) -> list[EmbeddedQuery]:
    """Turn the terms of queries into vectors of the model's space; texts go through it together.

    A picture that is indexed costs no encoding; another is read within `limits`. Raises
    QueryError for a term that is nothing one can ask with, PictureError for a picture that cannot
    be read.
    """
    limits = limits or ReadLimits()
    texts = {
        text_of(term): None for query in queries for term in query.terms if term.kind == "text"
    }
    encoded = _encoded(list(texts), model)
    found = []
    for query in queries:
        terms = tuple(
            QueryVector(term, encoded[text_of(term)])
            if term.kind == "text"
            else _embedded(term, catalogue, model, limits)
            for term in query.terms
        )
        words = (text_of(term) for term in query.terms if term.kind == "text")
        unknown = (word for text in words for word in unknown_words(text, model.row.spec.name))
        found.append(EmbeddedQuery(terms, tuple(dict.fromkeys(unknown))))
    return found


def _encoded(texts: list[str], model: ModelInUse) -> dict[str, NDArray[np.float32]]:
    if not texts:
        return {}
    if any(not text.strip() for text in texts):
        raise QueryError("the question is empty", 'ask in words, like "two dogs on a beach"')
    return dict(zip(texts, model.encoder().encode_texts(texts), strict=True))


def _embedded(
    term: Term, catalogue: Catalogue, model: ModelInUse, limits: ReadLimits
) -> QueryVector:
    if term.kind == "indexed":
        return _from_indexed(term, catalogue, model)
    if term.kind == "concept":
        found = head_of(term.value, catalogue, model)
        proven = found.auc is not None
        head = found.head
        return QueryVector(term, head.direction, baseline=head.baseline(), proven=proven)
    value = term.value
    if isinstance(value, str | os.PathLike):
        path = os.path.expanduser(os.fspath(value))
        return _from_file(term, path, catalogue, model, limits)
    if isinstance(value, bytes):
        return _from_bytes(term, value, catalogue, model, limits)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return _from_embedding(term, value, model)
    return _from_pixels(term, value, model, exact=limits.exact)


def text_of(term: Term) -> str:
    """Return a term's text; a command line may hold bytes that are none."""
    value: str = term.value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _from_indexed(term: Term, catalogue: Catalogue, model: ModelInUse) -> QueryVector:
    vector = catalogue.vectors(model.row).of_image(term.value)
    if vector is None:
        raise QueryError(
            f"there is no picture #{term.value} in this library",
            "the numbers of pictures are the `id`s that search --json prints",
        )
    return QueryVector(term, normalise(vector[None])[0], term.value)


def _from_file(
    term: Term, path: str, catalogue: Catalogue, model: ModelInUse, limits: ReadLimits
) -> QueryVector:
    from retrieval.images.decoding import read_picture

    if path.startswith(("http://", "https://")):
        from retrieval.images.download import download

        return _from_bytes(term, download(path), catalogue, model, limits)

    known: ImageRow | None = None
    vector: NDArray[np.float32] | None = None

    def wanted(sha256: bytes) -> bool:
        nonlocal known, vector
        known = catalogue.lookup.by_content(sha256)
        vector = None if known is None else catalogue.vectors(model.row).of_image(known.id)
        return vector is None

    result = read_picture(path, model.row.spec.preprocessing, limits, wanted)
    if isinstance(result, Problem):
        raise PictureError(
            f"the picture {path} cannot be used: {result.reason}",
            "check the path; if it is a text, put it in quotes within the question: '\"…\"'",
        )
    image_id = known.id if known else None
    if result.pixels is None:
        assert vector is not None
        return QueryVector(term, normalise(vector[None])[0], image_id)
    return QueryVector(term, model.encoder().encode_images(result.pixels[None])[0], image_id)


def _from_bytes(
    term: Term, data: bytes, catalogue: Catalogue, model: ModelInUse, limits: ReadLimits
) -> QueryVector:
    known = catalogue.lookup.by_content(hashlib.sha256(data).digest())
    if known is not None:
        vector = catalogue.vectors(model.row).of_image(known.id)
        if vector is not None:
            return QueryVector(term, normalise(vector[None])[0], known.id)
    from retrieval.images.decoding import pixels_from_bytes

    pixels = pixels_from_bytes(data, model.row.spec.preprocessing, limits)
    vector = model.encoder().encode_images(pixels[None])[0]
    return QueryVector(term, vector, known.id if known else None)


def _from_embedding(term: Term, vector: NDArray[Any], model: ModelInUse) -> QueryVector:
    dim = model.row.spec.dim
    if vector.shape != (dim,) or not np.issubdtype(vector.dtype, np.floating):
        raise QueryError(
            f"an embedding of {vector.shape[0]} numbers ({vector.dtype}) does not fit this "
            f"library, whose vectors have {dim}",
            "make it with the library's own model",
        )
    try:
        return QueryVector(term, normalise(vector[None].astype(np.float32))[0])
    except ValueError as error:
        raise QueryError(f"the embedding cannot be used: {error}") from error


def _from_pixels(
    term: Term, picture: Image.Image | NDArray[Any], model: ModelInUse, *, exact: bool
) -> QueryVector:
    from PIL import Image

    from retrieval.images.decoding import explained
    from retrieval.images.metadata import upright
    from retrieval.images.modes import to_rgb
    from retrieval.images.resizing import resize

    if isinstance(picture, np.ndarray):
        is_picture = picture.ndim == 3 and picture.shape[2] == 3 and picture.size > 0
        if not is_picture or picture.dtype != np.uint8:
            raise QueryError(
                f"an array of shape {picture.shape} and type {picture.dtype} is neither a picture "
                "nor an embedding",
                "pictures are (height, width, 3) uint8 RGB; embeddings (dim,) float",
            )
        picture = Image.fromarray(picture)
    with explained():
        pixels = resize(to_rgb(upright(picture)), model.row.spec.preprocessing, exact=exact)
    return QueryVector(term, model.encoder().encode_images(pixels[None])[0])


def head_of(name: str, catalogue: Catalogue, model: ModelInUse) -> HeadRow:
    """Return a concept's head under a model, and how good it is; QueryError when there is none."""
    found = catalogue.concepts.head(concept_row(name, catalogue).id, model.row.id)
    if found is None:
        raise QueryError(
            f"the concept “{name}” was learned with another model",
            f'learn it with this one, from the same examples: pixtrieve concept learn "{name}"',
        )
    return found


def concept_row(name: str, catalogue: Catalogue) -> ConceptRow:
    """Return a concept; QueryError, which names those that there are, when it is not known."""
    row = catalogue.concepts.named(name)
    if row is None:
        known = ", ".join(f"“{each}”" for each in catalogue.concepts.names())
        hint = f"there are: {known}" if known else "pixtrieve concept learn NAME --like a.jpg b.jpg"
        raise QueryError(f"there is no concept “{name}” in this library", hint)
    return row
