"""What pictures can be narrowed by: the values that filters find something with, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.tags import Tagged


@dataclass(frozen=True, slots=True)
class Facet:
    """A value and how many pictures (folders: files directly in it) have it."""

    value: str
    images: int


@dataclass(frozen=True, slots=True)
class Facets:
    """The values of a library: months as "2023-05", newest first; all others most frequent first.

    Folders are absolute paths, by name.
    """

    months: tuple[Facet, ...]
    cameras: tuple[Facet, ...]
    formats: tuple[Facet, ...]
    folders: tuple[Facet, ...]
    tags: tuple[Tagged, ...]


class FacetRows:
    """Counts over all live pictures; each is one pass over a table."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def all(self, most_folders: int, tags: tuple[Tagged, ...]) -> Facets:
        """Return every facet, with the tags that the caller has read."""
        return Facets(
            months=self.months(),
            cameras=self.cameras(),
            formats=self.formats(),
            folders=self.folders(most_folders),
            tags=tags,
        )

    def months(self) -> tuple[Facet, ...]:
        """Count by the month of EXIF's date."""
        return self._counted("substr(taken, 1, 7)", "taken != ''", "1 DESC")

    def cameras(self) -> tuple[Facet, ...]:
        """Count by camera."""
        return self._counted("camera", "camera != ''", "2 DESC, 1")

    def formats(self) -> tuple[Facet, ...]:
        """Count by format."""
        return self._counted("format", "1", "2 DESC, 1")

    def folders(self, most: int) -> tuple[Facet, ...]:
        """Count files by the folder that they lie in; no more than `most` folders, the fullest."""
        # rtrim takes all letters that are not slashes off the end: what stays is the folder.
        rows = self._db.rows(
            "SELECT r.path, rtrim(f.path, replace(f.path, '/', '')) AS folder, count(*)"
            " FROM files f JOIN roots r ON r.id = f.root_id WHERE f.image_id IS NOT NULL"
            " GROUP BY r.id, folder ORDER BY count(*) DESC LIMIT ?",
            (most,),
        )
        found = [
            Facet(f"{root.rstrip('/')}/{folder}".rstrip("/"), count) for root, folder, count in rows
        ]
        return tuple(sorted(found, key=lambda facet: facet.value))

    def _counted(self, value: str, condition: str, order: str) -> tuple[Facet, ...]:
        rows = self._db.rows(
            f"SELECT {value}, count(*) FROM images WHERE orphaned_at IS NULL AND {condition}"
            f" GROUP BY 1 ORDER BY {order} LIMIT 1000"
        )
        return tuple(Facet(*row) for row in rows)
