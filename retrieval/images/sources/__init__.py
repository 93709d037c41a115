"""Sources of data sets: what is listed, and how each picture in it is read.

A `Source` is a tar, zip or parquet file, a folder, a prefix in object storage, or a list of
addresses. It is plain data that another process can use, too. It divides itself into `Piece`s,
which are encoded one by one; reading a piece yields its pictures in the order of the source.
Nothing is ever unpacked to disk, and every name is checked before it becomes part of a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

MOST_BYTES = 256 * 2**20
"""No picture in a source may be larger; a small archive may claim to hold terabytes."""

MOST_BESIDE_BYTES = 2**20
"""No text beside a picture may be larger."""

_BEGINNINGS = 8
"""About so many of the pictures that a piece may have are ones that a piece may begin with."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A file beside a picture: its path relative to the root, its stat, and where it is."""

    path: str
    size: int
    mtime_ns: int
    at: int = -1


@dataclass(frozen=True, slots=True)
class Item:
    """A picture of a source that has been listed, not read.

    The library records it at `path` below `root`; `size` is -1 if only reading tells. `at` is where
    the source finds it: an offset, a row. `sidecars` describe it as in a folder, `about` is JSON
    with captions and columns. `captions` and `columns` (name and value) are those that the list
    has. `unsupported` is the reason why its format cannot be read, "" for the others.
    """

    root: str
    path: str
    size: int
    mtime_ns: int
    at: int = -1
    sidecars: tuple[Beside, ...] = ()
    about: Beside | None = None
    captions: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in a source that is left out, and why: a member with a bad name, a cut end."""

    root: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read for an item: bytes, or the path of a local file. Order as in the item."""

    picture: bytes | str
    sidecars: tuple[bytes | str, ...] = ()
    about: bytes = b""
    captions: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()


Load = Callable[[], Loaded]
"""Reads one item, in any thread; raises PictureError. Most sources have read it already."""


class Source(Protocol):
    """A data set, or a file of one. Methods raise SourceError if it cannot be read at all."""

    @property
    def name(self) -> str:
        """The path or address, as messages name it."""
        ...

    def identity(self) -> str:
        """Return a text that changes whenever what the source holds may have changed."""
        ...

    def pieces(self, size: int) -> Iterator[Piece]:
        """Divide the source into pieces of about `size` pictures, always in the same way."""
        ...

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures of a piece, in order; what is broken becomes a Flaw."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a source: the items listed, or the rows `start` to `stop`, or all of it (-1).

    `flaws` are those that listing the source found.
    """

    source: Source
    items: tuple[Item, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    start: int = 0
    stop: int = -1

    def read(self) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures of the piece: see `Source.read`."""
        yield from self.flaws
        yield from self.source.read(self)


def pieces_of(
    source: Source, listed: Iterable[Item | Flaw], size: int, *, by_names: bool = False
) -> Iterator[Piece]:
    """Divide what a source has listed into pieces of `size` pictures; flaws come with the last.

    `by_names` is for sources that change item by item. A piece then has at least half of `size`,
    and the next begins with an item whose name says so, if there is one before `size`. So an item
    that comes or goes changes its own piece, seldom the next ones, and not all that follow. Below a
    `size` of 16, names do not count.
    """
    items: list[Item] = []
    flaws: list[Flaw] = []
    for each in listed:
        if isinstance(each, Flaw):
            flaws.append(each)
            continue
        half = by_names and size >= 2 * _BEGINNINGS and len(items) >= size // 2
        if len(items) == size or (half and _begins(each, size)):
            yield Piece(source, tuple(items))
            items = []
        items.append(each)
    if items or flaws:
        yield Piece(source, tuple(items), tuple(flaws))


def _begins(item: Item, size: int) -> bool:
    """Tell whether a piece begins with an item, if it can: about eight of `size` items say so."""
    digest = blake2b(item.path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % size < _BEGINNINGS


@dataclass(frozen=True, slots=True)
class Columns:
    """What the user said of tables: the columns of the picture, of its address, of its captions.

    Rows name pictures on the public web, or in the storage where the table itself lies. With
    `any_address` they may name any address, also of this machine and of private networks.
    """

    image: str = ""
    url: str = ""
    captions: tuple[str, ...] = ()
    any_address: bool = False


__all__ = [
    "MOST_BESIDE_BYTES",
    "MOST_BYTES",
    "Beside",
    "Columns",
    "Flaw",
    "Item",
    "Load",
    "Loaded",
    "Piece",
    "Source",
    "pieces_of",
]
