"""Bytes of local files and, by fsspec, of object storage and web servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, cast

from retrieval.errors import MissingExtra, PictureError, PixtrieveError, SourceError, reason_of
from retrieval.images import mtime_ns, reasons
from retrieval.images.formats import unsupported_reason
from retrieval.images.places import WEB, joined
from retrieval.images.reasons import TransientError
from retrieval.images.sources import MOST_BYTES, Flaw, Item, Load, Loaded, Piece, pieces_of
from retrieval.images.sources.deadlines import ANSWER_S, LISTING_S, TimedStream, within
from retrieval.images.sources.members import Member, items_of, payload
from retrieval.images.sources.rows import TRUSTED
from retrieval.query.spelling import is_address


@dataclass(frozen=True, slots=True)
class Stat:
    """Size (bytes), modification time (ns since 1970, 0 if unknown), and what tells versions."""

    size: int
    mtime_ns: int
    version: str


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Convert whatever a client of a storage raises to a SourceError; they raise many types."""
    try:
        yield
    except PixtrieveError:
        raise
    except OSError as error:
        reason = reasons.of_os_error(error) if error.errno else reason_of(error)
        raise SourceError(f"{name} cannot be read: {reason}", _hint(name)) from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{name} cannot be read: {reason}", _hint(name)) from error


def stat_of(path: str) -> Stat:
    """Return the stat of a file or an object; raises SourceError."""
    with explained(path):
        if is_address(path):
            fs, key = filesystem(path)
            return _stat(within(ANSWER_S, lambda: fs.info(key)))
        found = os.stat(path)
        return Stat(found.st_size, mtime_ns(found), f"{found.st_size}-{found.st_mtime_ns}")


def open_stream(path: str) -> IO[bytes]:
    """Open a file or an object for reading; it can seek. Raises SourceError."""
    with explained(path):
        if is_address(path):
            fs, key = filesystem(path)
            opened = within(ANSWER_S, lambda: fs.open(key, "rb"))
            return cast("IO[bytes]", TimedStream(opened))
        return open(path, "rb")


def read_object(address: str, most: int = MOST_BYTES, *, public_only: bool = False) -> bytes:
    """Return the content at an address, at most `most` bytes; raises PictureError.

    With `public_only`, an address on the web must not lead into a private network.
    """
    if address.startswith(WEB):
        from retrieval.images.connections import AddressRefusedError  # urllib takes its time
        from retrieval.images.download import download

        try:
            return download(address, public_only=public_only)
        except AddressRefusedError as error:
            raise PictureError(f"{error.message}; {TRUSTED}", error.hint) from error
        except PictureError as error:
            raise TransientError(error.message, error.hint) from error
    try:
        with explained(address):
            fs, key = filesystem(address)
            data = within(ANSWER_S, lambda: _content(fs, key, most))
    except SourceError as error:
        raise TransientError(error.message.partition(" cannot be read: ")[2]) from error
    if len(data) > most:
        raise PictureError(too_large(len(data), most))
    return data


def load_named(item: Item, public_only: bool) -> Loaded:
    """Read the picture that a row names; its own file if it is one of this machine."""
    place = joined(item.root, item.path)
    picture = read_object(place, public_only=public_only) if is_address(place) else place
    return Loaded(picture, captions=item.captions, columns=item.columns)


def _content(fs: Any, key: str, most: int) -> bytes:
    with fs.open(key, "rb") as file:
        return cast("bytes", file.read(most + 1))


def too_large(size: int, most: int) -> str:
    """Return the reason for a file in a source that is not read."""
    return f"{size / 1e6:,.0f} MB, more than the {most / 1e6:,.0f} MB that a picture may have"


@dataclass(frozen=True, slots=True)
class StorageSource:
    """All pictures whose keys begin with a prefix, like `s3://bucket/folder`."""

    name: str

    def identity(self) -> str:
        """Return "": the listed items tell."""
        return ""

    def pieces(self, size: int) -> Iterator[Piece]:
        """List the keys, in order; raises SourceError."""
        return pieces_of(self, items_of(self.name, self._members()), size, by_names=True)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures; each is read when it is asked for, in any thread."""

        def read(member: Member) -> bytes:
            return read_object(f"{self.name}/{member.name}")

        for item in piece.items:
            yield item, payload(item, read)

    def _members(self) -> Iterator[Member]:
        with explained(self.name):
            fs, prefix = filesystem(self.name)
            found = within(LISTING_S, lambda: fs.find(prefix, detail=True))
            for key in sorted(found, key=lambda name: name.encode("utf-8", "surrogatepass")):
                stat = _stat(found[key])
                name = key.removeprefix(prefix).lstrip("/")
                if name and (unsupported_reason(os.path.basename(name)) is not None or "." in name):
                    yield Member(name, stat.size, stat.mtime_ns)


def filesystem(address: str) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and the address's key in it.

    A chain of addresses, as fsspec knows them (`s3://a::file:///b`), is refused: rows must not name
    files of this machine. Raises MissingExtra without fsspec, SourceError for a storage that needs
    another package.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra("fsspec", "sources", f"reading {address}") from error
    if "::" in address:
        raise SourceError(
            f"{address} cannot be read: a :: would make it a chain of addresses",
            "give the object another name",
        )
    try:
        how = {}
        if address.startswith(WEB):
            from retrieval.images.sources.web_client import client_options

            how = {"client_kwargs": client_options()}
        return fsspec.core.url_to_fs(address, **how)  # type: ignore[no-any-return]
    except ImportError as error:  # it names the package for this storage
        scheme = address.partition("://")[0]
        raise SourceError(
            f"{address} cannot be read: no package for {scheme}:// is installed ({error})",
            "for S3: pip install 'pixtrieve[sources]'",
        ) from error
    except ValueError as error:
        raise SourceError(f"{address} cannot be read: {error}", "check the address") from error


def _stat(info: dict[str, Any]) -> Stat:
    changed = next(
        (info[name] for name in ("LastModified", "last_modified", "mtime", "updated", "created")
         if info.get(name)),
        0,
    )  # fmt: skip
    if isinstance(changed, str):
        try:
            changed = datetime.fromisoformat(changed)
        except ValueError:
            changed = 0
    seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed)
    size = int(info.get("size") or 0)
    version = str(info.get("ETag") or info.get("etag") or seconds)
    return Stat(size, int(seconds * 1e9), f"{size}-{version}")


def _hint(name: str) -> str:
    if is_address(name):
        return "check the address, the network and the credentials"
    return "check the path; nothing of it was read"
