"""Operations of `pixtrieve doctor --repair`, and the damages that it repairs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from campaign.place import Place, library_files
from support.damage import change

from retrieval import Library


def repair(place: Place) -> None:
    """Let the doctor mend what it finds."""
    Library.check(place.library, repair=True)


def damage_rows(place: Place) -> None:
    """Damage a vector, a tag and a cache, and leave a temporary file."""
    path = catalogue(place)
    assert change(path, "vectors", "embedding", lambda value: bytes(len(value)), 3)
    assert change(path, "tags", "score", lambda _: 7.0)
    path.with_name(f"{path.name}.salvage.tmp").write_bytes(bytes(10_000))
    for cache in library_files(place):
        if cache.suffix == ".faiss":
            cache.write_bytes(cache.read_bytes()[:-9])


def damage_structure(place: Place) -> None:
    """Zero the root page of an index: SQLite calls the file malformed, and no row is lost."""
    path = catalogue(place)
    with closing(sqlite3.connect(path)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        (page,) = db.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'files'"
        ).fetchone()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))


def catalogue(place: Place) -> Path:
    """Return the path of the catalogue."""
    return next(path for path in library_files(place) if path.name.startswith("catalogue"))
