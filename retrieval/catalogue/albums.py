"""Albums and favourites: pictures that a person collects. See `retrieval.tagging.albums`.

Pictures are named by their content. One without a file stays where it was put, and is shown again
when a file with that content is indexed, also long after its row of `images` has expired.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.edits import PictureKey
from retrieval.catalogue.row_checks import sound
from retrieval.query.names import name_key

AlbumOrder = Literal["hand", "date", "date-desc"]
"""By hand: as a person put the pictures. By date: oldest or newest first."""

_ALBUM = f"SELECT id, name, sort, cover, {sound('albums')} FROM albums"
_AN_ALBUM, _A_PICTURE, _A_FAVOURITE = "an album", "a picture of an album", "a favourite"
_LIVE = "LEFT JOIN images i ON i.sha256 = p.sha256 AND i.orphaned_at IS NULL"
_COUNTS = (
    "SELECT p.album_id, count(i.id), count(*) - count(i.id), coalesce(min(i.date), ''),"
    f" coalesce(max(i.date), '') FROM album_pictures p {_LIVE} {{}} GROUP BY p.album_id"
)
_ORDERS: dict[AlbumOrder, str] = {
    "hand": "p.position",
    "date": "i.date, i.id",
    "date-desc": "i.date DESC, i.id",
}


@dataclass(frozen=True, slots=True)
class AlbumRow:
    """An album; `cover` is the SHA-256 of the picture that a person chose."""

    id: int
    name: str
    sort: AlbumOrder
    cover: bytes | None


@dataclass(frozen=True, slots=True)
class AlbumCounts:
    """How many pictures an album has, how many of them no file has, and their dates ("": none)."""

    album_id: int
    pictures: int
    absent: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class AlbumPicture:
    """A content in an album; `path` is where it was when it was put in.

    `image_id` is None while no file has it.
    """

    sha256: bytes
    path: str
    image_id: int | None


@dataclass(frozen=True, slots=True)
class _Favourite:
    sha256: bytes
    path: str


class AlbumRows:
    """The tables of albums and their pictures."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def all(self) -> list[AlbumRow]:
        """Return the albums by name."""
        return list(self._db.intact_records(AlbumRow, _AN_ALBUM, f"{_ALBUM} ORDER BY key"))

    def named(self, name: str) -> AlbumRow | None:
        """Return the album of that name, whatever its case, or None."""
        values = (name_key(name),)
        rows = self._db.intact_records(AlbumRow, _AN_ALBUM, f"{_ALBUM} WHERE key = ?", values)
        return next(rows, None)

    def counts(self) -> dict[int, AlbumCounts]:
        """Return the counts of all albums that have pictures, by id."""
        rows = self._db.records(AlbumCounts, _COUNTS.format(""))
        return {row.album_id: row for row in rows}

    def counts_of(self, album_id: int) -> AlbumCounts | None:
        """Return the counts of one album, None if it has no pictures."""
        sql = _COUNTS.format("WHERE p.album_id = ?")
        return next(self._db.records(AlbumCounts, sql, (album_id,)), None)

    def create(self, name: str, sort: AlbumOrder = "hand") -> int:
        """Make an album, within the caller's transaction; return its id."""
        sql = "INSERT INTO albums (name, key, sort) VALUES (?, ?, ?) RETURNING id"
        return self._db.number(sql, (name, name_key(name), sort))

    def rename(self, album_id: int, name: str) -> None:
        """Give an album another name, which no other album has."""
        self._db.rows(
            "UPDATE albums SET name = ?, key = ? WHERE id = ?", (name, name_key(name), album_id)
        )

    def set_sort(self, album_id: int, sort: AlbumOrder) -> None:
        """Set the order of an album."""
        self._db.rows("UPDATE albums SET sort = ? WHERE id = ?", (sort, album_id))

    def set_cover(self, album_id: int, sha256: bytes | None) -> None:
        """Set the cover; with None, it is the first picture."""
        self._db.rows("UPDATE albums SET cover = ? WHERE id = ?", (sha256, album_id))

    def delete(self, album_id: int) -> None:
        """Delete an album, not its pictures."""
        self._db.rows("DELETE FROM albums WHERE id = ?", (album_id,))

    def add(self, album_id: int, pictures: Iterable[PictureKey]) -> int:
        """Append the pictures that the album lacks; return how many."""
        before = self._size(album_id)
        last = self._db.number(
            "SELECT coalesce(max(position), 0) FROM album_pictures WHERE album_id = ?", (album_id,)
        )
        self._db.many(
            "INSERT OR IGNORE INTO album_pictures (album_id, sha256, position, path)"
            " VALUES (?, ?, ?, CAST(? AS TEXT))",
            (
                (album_id, bytes.fromhex(each.sha256), last + place, text(each.path))
                for place, each in enumerate(pictures, 1)
            ),
        )
        return self._size(album_id) - before

    def remove(self, album_id: int, contents: Iterable[bytes]) -> int:
        """Take contents out of an album; return how many it had."""
        before = self._size(album_id)
        self._db.many(
            "DELETE FROM album_pictures WHERE album_id = ? AND sha256 = ?",
            ((album_id, sha256) for sha256 in contents),
        )
        self._db.rows(
            "UPDATE albums SET cover = NULL WHERE id = ? AND cover NOT IN"
            " (SELECT sha256 FROM album_pictures WHERE album_id = ?)",
            (album_id, album_id),
        )
        return before - self._size(album_id)

    def pictures(self, row: AlbumRow) -> list[AlbumPicture]:
        """Return all pictures of an album in its order; those without a file come in between."""
        sql = (
            f"SELECT p.sha256, p.path, i.id, {sound('album_pictures', 'p')} FROM album_pictures p"
            f" {_LIVE} WHERE p.album_id = ? ORDER BY {_ORDERS[row.sort]}, p.position"
        )
        return list(self._db.intact_records(AlbumPicture, _A_PICTURE, sql, (row.id,)))

    def cover(self, row: AlbumRow) -> int | None:
        """Return the id of the image that stands for an album: the chosen one, or the first."""
        found = self._db.one(
            f"SELECT i.id FROM album_pictures p {_LIVE} WHERE p.album_id = ? AND i.id IS NOT NULL"
            f" ORDER BY p.sha256 IS ? DESC, {_ORDERS[row.sort]}, p.position LIMIT 1",
            (row.id, row.cover),
        )
        return None if found is None else int(found)

    def arrange(self, album_id: int, contents: Sequence[bytes]) -> None:
        """Put the pictures of an album, all of them, into an order by hand."""
        self._db.many(
            "UPDATE album_pictures SET position = ? WHERE album_id = ? AND sha256 = ?",
            ((place, album_id, sha256) for place, sha256 in enumerate(contents, 1)),
        )
        self.set_sort(album_id, "hand")

    def of_image(self, image_id: int) -> tuple[str, ...]:
        """Return the names of the albums that have an image."""
        rows = self._db.rows(
            "SELECT a.name FROM images i JOIN album_pictures p ON p.sha256 = i.sha256"
            " JOIN albums a ON a.id = p.album_id WHERE i.id = ? ORDER BY a.key",
            (image_id,),
        )
        return tuple(self._db.a_text(name) for (name,) in rows)

    def _size(self, album_id: int) -> int:
        return self._db.number(
            "SELECT count(*) FROM album_pictures WHERE album_id = ?", (album_id,)
        )


class FavouriteRows:
    """The table of favourites."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, pictures: Iterable[PictureKey]) -> int:
        """Mark pictures, within the caller's transaction; return how many were not marked."""
        before = self.count()
        self._db.many(
            "INSERT OR IGNORE INTO favourites (sha256, path) VALUES (?, CAST(? AS TEXT))",
            ((bytes.fromhex(each.sha256), text(each.path)) for each in pictures),
        )
        return self.count() - before

    def remove(self, contents: Iterable[bytes]) -> int:
        """Take the mark off; return how many contents had it."""
        before = self.count()
        self._db.many("DELETE FROM favourites WHERE sha256 = ?", ((each,) for each in contents))
        return before - self.count()

    def all(self) -> list[PictureKey]:
        """Return all favourites, those without a file included."""
        sql = f"SELECT sha256, path, {sound('favourites')} FROM favourites ORDER BY path, sha256"
        rows = self._db.intact_records(_Favourite, _A_FAVOURITE, sql)
        return [PictureKey(each.sha256.hex(), each.path) for each in rows]

    def count(self) -> int:
        """Return the number of favourites."""
        return self._db.number("SELECT count(*) FROM favourites")
