"""Albums: pictures that a person collects by hand.

They hold contents, not files: a copy, or the same picture at another place, is in the album, too.
A picture whose file is gone stays in, and is shown again as soon as a file with its content is
indexed. One whose file was edited stays in as well (`retrieval.catalogue.contents`).

Each change is one short transaction, so pictures can be collected while others are indexed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from retrieval.catalogue.albums import AlbumCounts, AlbumOrder, AlbumPicture, AlbumRow
from retrieval.catalogue.edits import PictureKey
from retrieval.context import Context
from retrieval.errors import NameTaken, QueryError
from retrieval.query import Example
from retrieval.query.names import clean_name, matching, name_key
from retrieval.query.options import SearchOptions
from retrieval.query.where import Comparison, Condition
from retrieval.search.answering import answer_all
from retrieval.search.results import SearchResult
from retrieval.tagging.picture_keys import content_of, keys_of
from retrieval.tagging.saved import LEAST, MOST

if TYPE_CHECKING:
    from retrieval.search.query_vectors import Askable

ORDERS: tuple[AlbumOrder, ...] = get_args(AlbumOrder)

_ALL = 2**31


@dataclass(frozen=True, slots=True)
class Album:
    """An album: its name, and how many pictures it has.

    `absent` more pictures are in it, of which the library has no file now. `order` is "hand",
    "date" (oldest first) or "date-desc". `cover` is the id of the picture that stands for it, None
    if it has none. `first` and `last` are the dates of its pictures in ISO 8601, "" without any.
    """

    name: str
    pictures: int
    absent: int
    order: AlbumOrder
    cover: int | None
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Moved:
    """How many pictures were moved within an album."""

    album: Album
    moved: int


@dataclass(frozen=True, slots=True)
class Added:
    """What was put into an album: `added` pictures; it had the `already` others before."""

    album: Album
    added: int
    already: int


class Albums:
    """The albums of a library. Pictures are given as ids (`17`, "#17") or as paths of files."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows = context.catalogue.albums

    def all(self) -> list[Album]:
        """Return all albums by name."""
        with self._context.catalogue.reading():
            counts = self._rows.counts()
            return [self._album(row, counts.get(row.id)) for row in self._rows.all()]

    def named(self, name: str) -> Album:
        """Return an album; QueryError, which lists the albums, if there is none of that name."""
        with self._context.catalogue.reading():
            row = self._row(name)
            return self._album(row, self._rows.counts_of(row.id))

    def matching(self, text: str) -> tuple[list[str], str]:
        """Return the names that contain a text, and how an album that it names would be called.

        The second is "" if there is an album of that name, or no text.
        """
        names = [row.name for row in self._rows.all()]
        keys = {name_key(name) for name in names}
        free = bool(text.strip()) and name_key(text) not in keys
        return matching(names, text), clean_name(text, "an album") if free else ""

    def of(self, image_id: int) -> tuple[str, ...]:
        """Return the names of the albums that have the picture with that id (`Hit.id`)."""
        return self._rows.of_image(image_id)

    def add(self, name: str, pictures: Iterable[Example] = (), *, new: bool = False) -> Added:
        """Put pictures into an album, behind those that it has; make it if there is none.

        QueryError for a picture that the library does not have, and NameTaken if `new` and there is
        an album of that name; nothing is changed then.
        """
        name = clean_name(name, "an album")
        keys = keys_of(self._context.catalogue, pictures)
        with self._context.catalogue.writing():
            row = self._rows.named(name)
            if new and row is not None:
                raise NameTaken(
                    f"there is an album “{row.name}” already", "choose another name", row.name
                )
            album_id = self._rows.create(name) if row is None else row.id
            added = self._rows.add(album_id, keys)
        return Added(self.named(name), added, len(keys) - added)

    def found(
        self,
        asked: Askable | None,
        where: str | Condition | None = None,
        *,
        min_confidence: float = LEAST,
        k: int | None = None,
    ) -> list[int]:
        """Return the ids of the pictures that a question, a filter or both find, to be added.

        Of a question (`asked` as in `Library.search`), these are the pictures with at least
        `min_confidence`, the likeliest first; of a filter alone all, oldest first. At most `k`.
        QueryError if a question has no end: without `k`, where hits have no confidences.
        """
        if asked is None:
            options = SearchOptions(k=k or _ALL, where=where, sort="date")
        else:
            options = SearchOptions(k=k or MOST, where=where, min_confidence=min_confidence)
        result = answer_all(self._context, [asked], options)[0]
        if k is None and not result.sifted:
            raise QueryError(
                "this library has no confidences, which say what answers the question",
                "say how many of the best pictures to add: -k 20",
            )
        return [hit.id for hit in result.hits]

    def remove(self, name: str, pictures: Iterable[Example]) -> int:
        """Take pictures out of an album; return how many it had."""
        keys = keys_of(self._context.catalogue, pictures)
        with self._context.catalogue.writing():
            return self._rows.remove(self._row(name).id, map(content_of, keys))

    def rename(self, name: str, new: str) -> Album:
        """Give an album another name; QueryError if another album has it."""
        new = clean_name(new, "an album")
        with self._context.catalogue.writing():
            row, other = self._row(name), self._rows.named(new)
            if other is not None and other.id != row.id:
                raise NameTaken(
                    f"there is an album “{other.name}” already",
                    "to join the two: pixtrieve album merge "
                    f"{shlex.quote(row.name)} {shlex.quote(other.name)}",
                    other.name,
                )
            self._rows.rename(row.id, new)
        return self.named(new)

    def merge(self, name: str, into: str) -> Album:
        """Put the pictures of an album behind those of another one, and delete the first."""
        with self._context.catalogue.writing():
            row, other = self._row(name), self._row(into)
            if row.id == other.id:
                raise QueryError("an album cannot be merged into itself", "name another album")
            self._rows.add(other.id, map(_key, self._rows.pictures(row)))
            self._rows.delete(row.id)
        return self.named(into)

    def delete(self, name: str) -> Album:
        """Delete an album, not its pictures; return what it was."""
        with self._context.catalogue.writing():
            album = self.named(name)
            self._rows.delete(self._row(name).id)
        return album

    def set_cover(self, name: str, picture: Example | None) -> Album:
        """Let a picture of an album stand for it; None stands for the first one."""
        keys = keys_of(self._context.catalogue, () if picture is None else (picture,))
        with self._context.catalogue.writing():
            row = self._row(name)
            contents = {each.sha256 for each in self._rows.pictures(row)}
            cover = content_of(keys[0]) if keys else None
            if cover is not None and cover not in contents:
                raise _not_in(row, keys[0])
            self._rows.set_cover(row.id, cover)
        return self.named(name)

    def set_order(self, name: str, order: AlbumOrder) -> Album:
        """Show an album by hand ("hand"), by "date", or newest first ("date-desc")."""
        if order not in ORDERS:
            raise QueryError(
                f"the order of an album cannot be {order!r}", f"choose one of: {', '.join(ORDERS)}"
            )
        with self._context.catalogue.writing():
            row = self._row(name)
            if order == "hand" and row.sort != "hand":  # it begins as it is shown
                self._rows.arrange(row.id, [each.sha256 for each in self._rows.pictures(row)])
            self._rows.set_sort(row.id, order)
        return self.named(name)

    def move(self, name: str, pictures: Sequence[Example], to: int) -> Moved:
        """Move pictures within an album, in the order given, so that the first has the place `to`.

        Places count from 1. The album is in an order by hand afterwards. QueryError for a picture
        that is not in the album.
        """
        keys = keys_of(self._context.catalogue, pictures)
        with self._context.catalogue.writing():
            row = self._row(name)
            there = self._rows.pictures(row)
            contents = {each.sha256 for each in there}
            moved = [content_of(key) for key in keys]
            for key, content in zip(keys, moved, strict=True):
                if content not in contents:
                    raise _not_in(row, key)
            self._rows.arrange(row.id, _moved(there, moved, to))
        return Moved(self.named(name), len(moved))

    def pictures(self, name: str, k: int = 1000) -> SearchResult:
        """Return the first `k` pictures of an album in its order, as `Library.search` does."""
        where = Comparison("album", "=", self._row(name).name)
        return answer_all(self._context, [None], SearchOptions(k=k, where=where))[0]

    def absent(self, name: str) -> list[str]:
        """Return where pictures of an album were that the library has no file of now."""
        there = self._rows.pictures(self._row(name))
        return [each.path for each in there if each.image_id is None]

    def remove_absent(self, name: str) -> int:
        """Take out the pictures that the library has no file of now; return how many."""
        with self._context.catalogue.writing():
            row = self._row(name)
            gone = [each.sha256 for each in self._rows.pictures(row) if each.image_id is None]
            return self._rows.remove(row.id, gone)

    def _row(self, name: str) -> AlbumRow:
        row = self._rows.named(name)
        if row is None:
            known = ", ".join(f"“{each.name}”" for each in self._rows.all())
            make = f"make it: pixtrieve album add {shlex.quote(name)} PICTURE…"
            raise QueryError(
                f"there is no album “{name}” in this library",
                f"choose one of: {known}" if known else make,
            )
        return row

    def _album(self, row: AlbumRow, counts: AlbumCounts | None) -> Album:
        if counts is None:
            return Album(row.name, 0, 0, row.sort, None, "", "")
        cover = self._rows.cover(row)
        facts = (counts.pictures, counts.absent, row.sort, cover, counts.first, counts.last)
        return Album(row.name, *facts)


def _not_in(row: AlbumRow, key: PictureKey) -> QueryError:
    return QueryError(
        f"the picture {key.path} is not in the album “{row.name}”",
        f"put it in first: pixtrieve album add {shlex.quote(row.name)} PICTURE; to see what is in "
        f"it: pixtrieve album show {shlex.quote(row.name)}",
    )


def _moved(there: Sequence[AlbumPicture], moved: Sequence[bytes], to: int) -> list[bytes]:
    """Return the contents of an album, with some moved to the place `to` of those with a file."""
    leaving = set(moved)
    others = [each for each in there if each.sha256 not in leaving]
    places = [place for place, each in enumerate(others) if each.image_id is not None]
    at = places[to - 1] if 1 <= to <= len(places) else len(others)
    contents = [each.sha256 for each in others]
    return [*contents[:at], *moved, *contents[at:]]


def _key(picture: AlbumPicture) -> PictureKey:
    return PictureKey(picture.sha256.hex(), picture.path)
