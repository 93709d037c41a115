"""Bytes of local files and, by fsspec, of object storage and web servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from retrieval.errors import MissingExtra, PictureError, PixtrieveError, SourceError, reason_of
from retrieval.images import mtime_ns, reasons
from retrieval.images.formats import unsupported_reason
from retrieval.images.places import WEB
from retrieval.images.reasons import TransientError
from retrieval.images.sources import MOST_BYTES, Flaw, Item, Load, Piece, pieces_of
from retrieval.images.sources.members import Member, items_of, payload
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
            return _stat(fs.info(key))
        found = os.stat(path)
        return Stat(found.st_size, mtime_ns(found), f"{found.st_size}-{found.st_mtime_ns}")


def open_stream(path: str) -> IO[bytes]:
    """Open a file or an object for reading; it can seek. Raises SourceError."""
    with explained(path):
        if is_address(path):
            fs, key = filesystem(path)
            opened: IO[bytes] = fs.open(key, "rb")
            return opened
        return open(path, "rb")


def read_object(address: str, most: int = MOST_BYTES) -> bytes:
    """Return the content at an address, at most `most` bytes; raises PictureError."""
    if address.startswith(WEB):
        from retrieval.images.download import download  # urllib takes its time

        try:
            return download(address)
        except PictureError as error:
            raise TransientError(error.message, error.hint) from error
    try:
        with open_stream(address) as file, explained(address):
            data = file.read(most + 1)
    except SourceError as error:
        raise TransientError(error.message.partition(" cannot be read: ")[2]) from error
    if len(data) > most:
        raise PictureError(too_large(len(data), most))
    return data


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
        return pieces_of(self, items_of(self.name, self._members()), size)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures; each is read when it is asked for, in any thread."""

        def read(member: Member) -> bytes:
            return read_object(f"{self.name}/{member.name}")

        for item in piece.items:
            yield item, payload(item, read)

    def _members(self) -> Iterator[Member]:
        with explained(self.name):
            fs, prefix = filesystem(self.name)
            found = fs.find(prefix, detail=True)
            for key in sorted(found, key=lambda name: name.encode("utf-8", "surrogatepass")):
                stat = _stat(found[key])
                name = key.removeprefix(prefix).lstrip("/")
                if name and (unsupported_reason(os.path.basename(name)) is not None or "." in name):
                    yield Member(name, stat.size, stat.mtime_ns)


def filesystem(address: str) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and the address's key in it.

    Raises MissingExtra without fsspec, SourceError for a storage that needs another package.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra("fsspec", "sources", f"reading {address}") from error
    try:
        return fsspec.core.url_to_fs(address)  # type: ignore[no-any-return]
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
