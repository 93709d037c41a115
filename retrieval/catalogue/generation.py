"""The generation: a number in the catalogue that every change of search results increments."""

from __future__ import annotations

from retrieval.catalogue.connection import Connection


def next_generation(db: Connection) -> int:
    """Increment and return the generation, within the transaction that changes search results.

    What a filter can ask of a picture counts, too: copies of it elsewhere are held up to date by
    the generation alone (`retrieval.stores.served`).
    """
    return int(
        db.one("UPDATE state SET value = value + 1 WHERE key = 'generation' RETURNING value")
    )
