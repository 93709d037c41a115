"""Turns queries (texts, pictures, embeddings, concepts) into unit vectors."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.texts.known_words import unknown_words
from retrieval.errors import PictureError, QueryError
from retrieval.images import Picture, Problem, ReadLimits
from retrieval.query import Query, Term
from retrieval.query.spelling import DiskSpelling
from retrieval.vectors import normalise

if TYPE_CHECKING:
    from PIL import Image

    from retrieval.catalogue import Catalogue, ImageRow
    from retrieval.catalogue.concepts import ConceptRow, HeadRow
    from retrieval.context import ModelInUse
    from retrieval.scoring.confidence import ScoreBaseline

    Askable = Query | Term | str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]

_HALF_PAIRS = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates that stand for no byte: JSON and Python can hold them, UTF-8 cannot."""


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A term and its unit vector (dim,).

    `image_id` is set if the term is a picture that the library has. `baseline` is set for a learned
    concept: it replaces the library's score baseline. A concept that is `proven` was calibrated on
    held-out examples (`scoring.linear_head.learn`), so its score gives a probability.
    """

    term: Term
    vector: NDArray[np.float32]
    image_id: int | None = None
    baseline: ScoreBaseline | None = None
    proven: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A query's terms in their order, as vectors, and its words that the model does not know."""

    terms: tuple[QueryVector, ...]
    unknown: tuple[str, ...] = ()

    @property
    def positive(self) -> tuple[QueryVector, ...]:
        """The terms that hits must match; at least one."""
        return tuple(each for each in self.terms if not each.term.negative)

    @property
    def negative(self) -> tuple[QueryVector, ...]:
        """The terms that hits must not match."""
        return tuple(each for each in self.terms if each.term.negative)


def as_query(asked: Askable) -> Query:
    """Return a value of any accepted type as a query.

    A `str` is a text, never a path, an address or a written query (use `Query.parse` for that). A
    path-like names a picture file, and `bytes` are the content of one. A Pillow image or an
    (H, W, 3) uint8 array is a picture. A (dim,) float array is an embedding, and counts as a
    picture. Raises QueryError for anything else.
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
        f"a {type(asked).__name__} cannot be a query",
        "use a str, a Query, a Path, a picture's bytes, a Pillow image or an array; "
        "for several queries use search_many",
    )


def embed_query(
    query: Query, catalogue: Catalogue, model: ModelInUse, limits: ReadLimits | None = None
) -> EmbeddedQuery:
    """Return the vectors of one query: see `embed_queries`."""
    return embed_queries([query], catalogue, model, limits)[0]


def embed_queries(
    queries: Sequence[Query],
    catalogue: Catalogue,
    model: ModelInUse,
    limits: ReadLimits | None = None,
) -> list[EmbeddedQuery]:
    """Return the vectors of the queries' terms under the model; all texts are one batch.

    Indexed pictures have stored vectors; others are read within `limits` and encoded. Raises
    QueryError for a term that cannot be used, PictureError for a picture that cannot be read.
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
        raise QueryError("the query is empty", 'write a text, for example "two dogs on a beach"')
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
    if isinstance(value, Picture):
        return _from_picture(term, value, catalogue, model)
    if isinstance(value, bytes):
        return _from_bytes(term, value, catalogue, model, limits)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return _from_embedding(term, value, model)
    return _from_pixels(term, value, model, exact=limits.exact)


def text_of(term: Term) -> str:
    """Return a term's text; replace bytes of a command line that are not UTF-8, and half pairs."""
    value = _HALF_PAIRS.sub("\ufffd", term.value)
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _from_indexed(term: Term, catalogue: Catalogue, model: ModelInUse) -> QueryVector:
    vector = catalogue.vectors(model.row).of_image(term.value)
    if vector is None:
        raise QueryError(
            f"there is no picture #{term.value} in this library",
            "search --json prints the numbers of pictures, as `id`",
        )
    return QueryVector(term, normalise(vector[None])[0], term.value)


def _from_file(
    term: Term, path: str, catalogue: Catalogue, model: ModelInUse, limits: ReadLimits
) -> QueryVector:
    from retrieval.images.decoding import read_picture
    from retrieval.images.sources.reading import picture_bytes

    data = picture_bytes(path)
    if data is not None:
        return _from_bytes(term, data, catalogue, model, limits)

    path = DiskSpelling().of(path)
    known: ImageRow | None = None
    vector: NDArray[np.float32] | None = None

    def needs_pixels(sha256: bytes) -> bool:
        nonlocal known, vector
        known = catalogue.lookup.by_content(sha256)
        vector = None if known is None else catalogue.vectors(model.row).of_image(known.id)
        return vector is None

    result = read_picture(path, model.row.spec.preprocessing, limits, needs_pixels)
    if isinstance(result, Problem):
        raise unusable(path, result)
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


def unusable(path: str, problem: Problem) -> PictureError:
    """Return the error for a picture file that cannot be used in a query."""
    return PictureError(
        f"the picture {path} cannot be used: {problem.reason}",
        "check the path; to search for it as a text, put it in quotes: '\"…\"'",
    )


def _from_picture(
    term: Term, picture: Picture, catalogue: Catalogue, model: ModelInUse
) -> QueryVector:
    """Encode a picture that was decoded before, for the same model."""
    size = model.row.spec.preprocessing.size
    if picture.pixels is None or picture.pixels.shape[:2] != size:
        raise PictureError("the library's model has just changed", "search again")
    known = catalogue.lookup.by_content(picture.sha256)
    vector = model.encoder().encode_images(picture.pixels[None])[0]
    return QueryVector(term, vector, known.id if known else None)


def _from_embedding(term: Term, vector: NDArray[Any], model: ModelInUse) -> QueryVector:
    dim = model.row.spec.dim
    if vector.shape != (dim,) or not np.issubdtype(vector.dtype, np.floating):
        raise QueryError(
            f"the embedding has {vector.shape[0]} numbers ({vector.dtype}), but this library's "
            f"vectors have {dim} (float)",
            "make the embedding with the library's model",
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
                "pass a picture as (height, width, 3) uint8 RGB, an embedding as (dim,) float",
            )
        picture = Image.fromarray(picture)
    with explained():
        pixels = resize(to_rgb(upright(picture)), model.row.spec.preprocessing, exact=exact)
    return QueryVector(term, model.encoder().encode_images(pixels[None])[0])


def head_of(name: str, catalogue: Catalogue, model: ModelInUse) -> HeadRow:
    """Return a concept's head under a model, with its AUC; QueryError if there is none."""
    concept = concept_row(name, catalogue)
    found = catalogue.concepts.head(concept.id, model.row.id, model.row.spec.dim)
    if found is None:
        raise QueryError(
            f"the concept “{name}” was learned with another model",
            f"learn it again from its examples: pixtrieve concept learn {shlex.quote(name)}",
        )
    return found


def concept_row(name: str, catalogue: Catalogue) -> ConceptRow:
    """Return a concept; raise QueryError, which lists the known ones, if there is none."""
    row = catalogue.concepts.named(name)
    if row is None:
        known = ", ".join(f"“{each}”" for each in catalogue.concepts.names())
        hint = f"choose one of: {known}" if known else "teach one: pixtrieve concept learn --help"
        raise QueryError(f"there is no concept “{name}” in this library", hint)
    return row
