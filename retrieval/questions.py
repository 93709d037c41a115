"""From what a person asks with (words, a picture, a vector) to a unit vector."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import PictureError, QueryError
from retrieval.images import Problem, ReadLimits
from retrieval.vectors import normalise

if TYPE_CHECKING:
    from PIL import Image

    from retrieval.catalogue import Catalogue, ImageRow
    from retrieval.model_in_use import ModelInUse

    Query = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A query's unit vector (dim,), and the image it is itself, when the library has that one."""

    vector: NDArray[np.float32]
    image_id: int | None = None


def understand(query: Query, catalogue: Catalogue, model: ModelInUse) -> Question:
    """Turn a query into a vector of the model's space.

    A `str` is always text; a path-like names a picture file; `bytes` are a picture file's bytes;
    a Pillow image or an (H, W, 3) uint8 array is a picture; a (dim,) float array is an embedding.
    A picture that is indexed costs no encoding. Raises QueryError for an empty text or an array
    that is none of these, PictureError for a picture that cannot be read.
    """
    if isinstance(query, str):
        return _from_text(query, model)
    if isinstance(query, os.PathLike):
        return _from_file(os.fspath(query), catalogue, model)
    if isinstance(query, bytes):
        return _from_bytes(query, catalogue, model)
    if isinstance(query, np.ndarray) and query.ndim == 1:
        return _from_embedding(query, model)
    return _from_pixels(query, model)


def _from_text(text: str, model: ModelInUse) -> Question:
    # A command line may hold bytes that are no text.
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if not text.strip():
        raise QueryError("the question is empty", 'ask in words, like "two dogs on a beach"')
    return Question(model.encoder().encode_texts([text])[0])


def _from_file(path: str, catalogue: Catalogue, model: ModelInUse) -> Question:
    from retrieval.images.decoding import read_picture

    known: ImageRow | None = None
    vector: NDArray[np.float32] | None = None

    def wanted(sha256: bytes) -> bool:
        nonlocal known, vector
        known = catalogue.lookup.by_content(sha256)
        vector = None if known is None else catalogue.vectors(model.row).of_image(known.id)
        return vector is None

    result = read_picture(path, model.row.spec.preprocessing, ReadLimits(), wanted)
    if isinstance(result, Problem):
        raise PictureError(f"the picture {path} cannot be used: {result.reason}", "check the path")
    image_id = known.id if known else None
    if result.pixels is None:
        assert vector is not None
        return Question(normalise(vector[None])[0], image_id)
    return Question(model.encoder().encode_images(result.pixels[None])[0], image_id)


def _from_bytes(data: bytes, catalogue: Catalogue, model: ModelInUse) -> Question:
    known = catalogue.lookup.by_content(hashlib.sha256(data).digest())
    if known is not None:
        vector = catalogue.vectors(model.row).of_image(known.id)
        if vector is not None:
            return Question(normalise(vector[None])[0], known.id)
    from retrieval.images.decoding import pixels_from_bytes

    pixels = pixels_from_bytes(data, model.row.spec.preprocessing)
    return Question(model.encoder().encode_images(pixels[None])[0], known.id if known else None)


def _from_embedding(vector: NDArray[Any], model: ModelInUse) -> Question:
    dim = model.row.spec.dim
    if vector.shape != (dim,) or not np.issubdtype(vector.dtype, np.floating):
        raise QueryError(
            f"an embedding of {vector.shape[0]} numbers ({vector.dtype}) does not fit this "
            f"library, whose vectors have {dim}",
            "make it with the library's own model",
        )
    try:
        return Question(normalise(vector[None].astype(np.float32))[0])
    except ValueError as error:
        raise QueryError(f"the embedding cannot be used: {error}") from error


def _from_pixels(picture: Image.Image | NDArray[Any], model: ModelInUse) -> Question:
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
        pixels = resize(to_rgb(upright(picture)), model.row.spec.preprocessing)
    return Question(model.encoder().encode_images(pixels[None])[0])
