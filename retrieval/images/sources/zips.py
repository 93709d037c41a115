"""Zip files with pictures. Nothing is unpacked to disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from retrieval.errors import PictureError, SourceError
from retrieval.images.sources import MOST_BYTES, Flaw, Item, Load, Piece, pieces_of
from retrieval.images.sources.members import Member, items_of, loaded_now, payload
from retrieval.images.sources.storage import open_stream, stat_of, too_large


@dataclass(frozen=True, slots=True)
class ZipSource:
    """A zip file, on disk or at an address."""

    name: str

    def identity(self) -> str:
        """Return size and time of the file, or the version of the object."""
        return stat_of(self.name).version

    def pieces(self, size: int) -> Iterator[Piece]:
        """List the members, which the end of the file names; raises SourceError."""
        with _opened(self.name) as archive:
            found = list(_items(self.name, archive))
        yield from pieces_of(self, found, size)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures in the order of the archive."""
        with _opened(self.name) as archive:
            names = _by_name(archive)
            for item in piece.items:

                def read(member: Member) -> bytes:
                    return _bytes(archive, names.get(member.name), member.name)

                yield item, loaded_now(payload(item, read))


def member_bytes(name: str, path: str) -> bytes:
    """Return the bytes of one member of a zip; raises SourceError, PictureError."""
    with _opened(name) as archive:
        return _bytes(archive, _by_name(archive).get(path), path)


def _by_name(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name: of several with one name the last, as in a tar."""
    return {info.filename: info for info in archive.infolist()}


def _items(name: str, archive: zipfile.ZipFile) -> Iterator[Item | Flaw]:
    members = (
        Member(each, info.file_size, _mtime_ns(info))
        for each, info in _by_name(archive).items()
        if not each.endswith("/")  # `is_dir` fails for an empty name
    )
    return items_of(name, members)


def _bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, name: str) -> bytes:
    if info is None:
        raise PictureError(f"{archive.filename} has no {name}", "was the archive replaced?")
    if info.flag_bits & 1:
        raise PictureError("it is encrypted; unpack the archive and index the folder")
    if info.file_size > MOST_BYTES:
        raise PictureError(too_large(info.file_size, MOST_BYTES))
    try:
        with archive.open(info) as file:
            return file.read(MOST_BYTES)
    except Exception as error:  # zipfile and the decompressors raise many types
        raise PictureError("the archive is damaged at this picture") from error


@contextmanager
def _opened(name: str) -> Iterator[zipfile.ZipFile]:
    with open_stream(name) as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except Exception as error:  # a damaged directory makes it raise many types
            raise SourceError(
                f"{name} is not a zip file, or its list of files is damaged",
                "copy it again; nothing of it was read",
            ) from error
        with archive:
            yield archive


def _mtime_ns(info: zipfile.ZipInfo) -> int:
    try:
        return int(datetime(*info.date_time, tzinfo=UTC).timestamp()) * 1_000_000_000
    except (ValueError, OverflowError):
        return 0
