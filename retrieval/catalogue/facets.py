"""Facets: the values that filters can match, and how many pictures have each."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.filters import column_of
from retrieval.catalogue.name_filters import KNOWN, counts_of
from retrieval.query.fields import FIELDS, Field

_WORDS = {
    "tag": "SELECT t.label, count(DISTINCT t.image_id) FROM tags t JOIN images i"
    " ON i.id = t.image_id",
    "album": "SELECT a.name, count(*) FROM albums a JOIN album_pictures p ON p.album_id = a.id"
    " JOIN images i ON i.sha256 = p.sha256",
}
_TABLES = {"tag": ("tags",), "album": ("albums", "album_pictures")}


@dataclass(frozen=True, slots=True)
class Facet:
    """A value and how many pictures have it (for a folder: the files directly in it)."""

    value: str
    images: int


class FacetRows:
    """Facet counts over all live pictures; each is one pass over a table."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def all(self, most: int) -> dict[str, tuple[Facet, ...]]:
        """Return the facets of every field that has them, at most `most` each: see `of`."""
        return {each.name: self.of(each, most) for each in FIELDS.values() if each.facet}

    def of(self, field: Field, most: int) -> tuple[Facet, ...]:
        """Return a field's values with counts, the most frequent first, at most `most`.

        Dates are counted by month ("2023-05"), newest first; folders are absolute paths, by name.
        """
        if field.kind == "folder":
            self._db.require_sound("files", "roots")
            return self._folders(most)
        if field.name in KNOWN:
            self._db.require_sound("images")
            counts = counts_of(self._db, field.name)
            ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
            return tuple(Facet(value, count) for value, count in ordered[:most])
        if field.kind == "words":
            self._db.require_sound(*_TABLES[field.name])
            return self._words(_WORDS[field.name], most)
        self._db.require_sound("images")
        column = column_of(field)
        if field.kind == "date":
            return self._counted(f"substr({column}, 1, 7)", "1 DESC", most)
        if field.kind == "number":
            return self._counted(f"CAST({column} AS TEXT)", "1 DESC", most)
        return self._counted(column, "2 DESC, 1", most)

    def _words(self, values: str, most: int) -> tuple[Facet, ...]:
        rows = self._db.rows(
            f"{values} AND i.orphaned_at IS NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?", (most,)
        )
        return tuple(self._db.record(Facet, row) for row in rows)

    def _folders(self, most: int) -> tuple[Facet, ...]:
        # rtrim removes all characters but slashes from the end, which leaves the folder.
        rows = self._db.rows(
            "SELECT r.path, rtrim(f.path, replace(f.path, '/', '')) AS folder, count(*)"
            " FROM files f JOIN roots r ON r.id = f.root_id WHERE f.image_id IS NOT NULL"
            " GROUP BY r.id, folder ORDER BY count(*) DESC LIMIT ?",
            (most,),
        )
        found = [
            Facet(f"{_with_slash(self._db.a_path(root))}{folder}".rstrip("/"), count)
            for root, folder, count in rows
        ]
        return tuple(sorted(found, key=lambda facet: facet.value))

    def _counted(self, value: str, order: str, most: int) -> tuple[Facet, ...]:
        rows = self._db.rows(
            f"SELECT {value} AS value, count(*) FROM images i WHERE i.orphaned_at IS NULL"
            f" AND value != '' GROUP BY 1 ORDER BY {order} LIMIT ?",
            (most,),
        )
        return tuple(Facet(*row) for row in rows)


def _with_slash(root: str) -> str:
    return root if root.endswith("://") else root.rstrip("/") + "/"
