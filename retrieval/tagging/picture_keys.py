"""What identifies the pictures that a person collects, however they are named."""

from __future__ import annotations

from collections.abc import Iterable

from retrieval.catalogue import Catalogue
from retrieval.catalogue.edits import PictureKey
from retrieval.errors import QueryError
from retrieval.query import Example, example_term
from retrieval.query.spelling import absolute


def keys_of(catalogue: Catalogue, pictures: Iterable[Example]) -> list[PictureKey]:
    """Return what identifies pictures of a library, each once.

    QueryError for one that is not in it.
    """
    spellings = catalogue.spellings()
    found: dict[str, PictureKey] = {}
    for picture in pictures:
        term = example_term(picture)
        image_id: int | None = term.value if term.kind == "indexed" else None
        if term.kind != "indexed":
            image_id = spellings.image_at(absolute(term.value))
        key = None if image_id is None else catalogue.edits.key(image_id)
        if key is None:
            by_id = term.kind == "indexed"
            raise QueryError(
                f"{f'#{term.value}' if by_id else term.value} is not a picture of this library",
                "search again: pictures have come or gone since"
                if by_id
                else "add its folder: pixtrieve index FOLDER",
            )
        found[key.sha256] = key
    return list(found.values())


def content_of(key: PictureKey) -> bytes:
    """Return the SHA-256 of a picture."""
    return bytes.fromhex(key.sha256)
