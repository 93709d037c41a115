"""What pictures say of themselves, read again after an update; and the towns that they are near."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.image_rows import stored_facts
from retrieval.catalogue.roots import Root
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.schema import SET_DATES
from retrieval.catalogue.texts import EMBEDDED, Texts
from retrieval.images import PictureInfo
from retrieval.images.gazetteer import Nearby
from retrieval.query.fields import FACTS

_OF_PIXELS = ("format", "width", "height")
_AGAIN = [name for name in FACTS if name not in _OF_PIXELS]


@dataclass(frozen=True, slots=True)
class Outdated:
    """An image whose facts an older program read, and one of its files, relative to the root."""

    image_id: int
    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Positioned:
    """An image with a position in degrees, of which no town is known yet."""

    id: int
    latitude: float
    longitude: float


class OwnFacts:
    """Facts of images that an indexing run adds without encoding anything."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def outdated(self, root: Root, after: int, limit: int) -> list[Outdated]:
        """Return the next outdated images above an id that have files in a root, by id."""
        rows = self._db.records(
            Outdated,
            "SELECT o.image_id, f.path, f.size, f.mtime_ns FROM outdated o"
            " JOIN files f ON f.image_id = o.image_id"
            f" WHERE f.root_id = ? AND o.image_id > ? AND {sound('files', 'f')}"
            " GROUP BY o.image_id ORDER BY o.image_id LIMIT ?",
            (root.id, after, limit),
        )
        return list(rows)

    def put_again(self, found: Sequence[tuple[int, PictureInfo | None]]) -> None:
        """Set what images say of themselves, in one transaction; None leaves one as it is.

        What files beside them say is added again by `texts.collect.refresh_texts`.
        """
        with self._db.writing():
            next_generation(self._db)
            for image_id, info in found:
                if info is not None:
                    self._put(image_id, info)
                self._db.rows("DELETE FROM outdated WHERE image_id = ?", (image_id,))

    def _put(self, image_id: int, info: PictureInfo) -> None:
        known = dict(zip(FACTS, stored_facts(info), strict=True))
        columns = ", ".join(f"{name} = ?" for name in _AGAIN)
        self._db.rows(
            f"UPDATE images SET own = '', {columns} WHERE id = ?",
            (*(known[name] for name in _AGAIN), image_id),
        )
        self._db.rows(f"{SET_DATES} AND id = ?", (image_id,))
        self._db.rows("INSERT OR IGNORE INTO retell VALUES (?)", (image_id,))
        Texts(self._db).put(image_id, {EMBEDDED: info.words})

    def unplaced(self, limit: int) -> list[Positioned]:
        """Return at most `limit` images with a position whose town was not looked up."""
        rows = self._db.records(
            Positioned,
            "SELECT id, latitude, longitude FROM images"
            " WHERE latitude IS NOT NULL AND near_country IS NULL ORDER BY id LIMIT ?",
            (limit,),
        )
        return list(rows)

    def put_nearby(self, found: Iterable[tuple[int, Nearby]]) -> None:
        """Set the towns that images are near, in one transaction."""
        with self._db.writing():
            next_generation(self._db)
            self._db.many(
                "UPDATE images SET near_city = ?, near_region = ?, near_country = ? WHERE id = ?",
                ((near.city, near.region, near.country, id_) for id_, near in found),
            )
