"""Tar files: webdataset's shards, and any other tar with pictures. Nothing is unpacked to disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any, cast

from retrieval.errors import PictureError, SourceError
from retrieval.images import SIDECARS
from retrieval.images.sources import (
    MOST_BESIDE_BYTES,
    MOST_BYTES,
    Flaw,
    Item,
    Load,
    Piece,
    pieces_of,
)
from retrieval.images.sources.members import Member, items_of, loaded_now, payload, plain_name
from retrieval.images.sources.storage import explained, open_stream, stat_of, too_large
from retrieval.images.sources.tar_index import TarIndices
from retrieval.query.spelling import is_address

ONE_PIECE = 2**30
"""A tar up to this size is one piece; the process that encodes it lists it, too."""

MOST_COPIED = 64 * 2**30
"""A tar in object storage is copied while it is encoded, up to this size."""

_BLOCK = 2**22
_LEFT_FREE = 2**30
_MOST_HEADER = 16 * 2**20
_MOST_RATIO = 200
_MOST_TEXTS = 2**28
_indices = TarIndices()
_CUT = "the archive is damaged or cut short here; what follows is left out"
_BOMB = "the archive unpacks to far more than its size; what follows is left out"


@dataclass(frozen=True, slots=True)
class TarSource:
    """A tar file, also a compressed one, on disk or at an address."""

    name: str

    def identity(self) -> str:
        """Return size and time of the file, or the version of the object."""
        return stat_of(self.name).version

    def pieces(self, size: int) -> Iterator[Piece]:
        """Yield one piece, or several of a large local file, whose headers are read for that."""
        if is_address(self.name) or stat_of(self.name).size <= ONE_PIECE:
            yield Piece(self)
            return
        with opened(self.name) as tar:
            if tar.compressed:
                yield Piece(self)
            else:
                yield from pieces_of(self, tar.items(), size)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures in the order of the tar, which is read once from start to end."""
        with opened(self.name, whole=True) as tar:
            for item in piece.items or tar.items():
                yield (
                    item if isinstance(item, Flaw) else (item, loaded_now(payload(item, tar.read)))
                )


@dataclass(slots=True)
class OpenTar:
    """A tar file that is open: `stream` is its content, without compression."""

    name: str
    stream: IO[bytes]
    size: int
    compressed: bool
    _texts: dict[int, bytes] = field(default_factory=dict)
    _flaws: list[Item | Flaw] = field(default_factory=list)

    def items(self) -> list[Item | Flaw]:
        """Read all headers; return the pictures, and what is left out."""
        return list(items_of(self.name, self.members())) + self._flaws

    def members(self) -> Iterator[Member]:
        """Yield the regular files, by name the last of several; damage ends the list."""
        found: dict[str, Member] = {}
        self._flaws = []
        kept = 0
        for info in self._headers():
            name = plain_name(info.name)
            found.pop(name, None)
            mtime = int(info.mtime * 1e9) if 0 <= info.mtime < 2**33 else 0
            found[name] = Member(name, info.size, mtime, info.offset_data)
            is_text = name.lower().endswith(SIDECARS) and info.size <= MOST_BESIDE_BYTES
            # Going back in a compressed file means to start again, so texts are read at once.
            if self.compressed and is_text and kept < _MOST_TEXTS:
                with suppress(Exception):  # a decompressor's: the next header meets it, too
                    self._texts[info.offset_data] = self._bytes(found[name])
                kept += info.size
        return iter(found.values())

    def read(self, member: Member) -> bytes:
        """Return the bytes of a member; raises PictureError."""
        if member.at in self._texts:
            return self._texts.pop(member.at)
        if member.size > MOST_BYTES:
            raise PictureError(too_large(member.size, MOST_BYTES))
        try:
            data = self._bytes(member)
        except Exception as error:  # a decompressor's, a client's of a storage
            raise PictureError(_CUT) from error
        if len(data) < member.size:
            raise PictureError(_CUT)
        return data

    def _bytes(self, member: Member) -> bytes:
        self.stream.seek(member.at)
        return self.stream.read(member.size)

    def _headers(self) -> Iterator[tarfile.TarInfo]:
        most = _MOST_RATIO * self.size + ONE_PIECE
        try:
            with tarfile.open(fileobj=cast("Any", _Careful(self.stream)), mode="r:") as tar:
                listed: list[tarfile.TarInfo] = vars(tar)["members"]
                while (info := tar.next()) is not None:
                    # To find the next header means to unpack this member, so its size counts.
                    if self.compressed and info.offset_data + info.size > most:
                        self._flaws.append(Flaw(self.name, "", _BOMB))
                        return
                    if info.isreg() and not info.issparse():
                        yield info
                    listed.clear()  # a tar may have millions, and each takes half a kilobyte
        except Exception:  # tarfile, the decompressors and the clients raise many types
            self._flaws.append(Flaw(self.name, "", _CUT))


class _Careful:
    """A stream whose headers cannot ask for much memory: tarfile reads some of them whole."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if size > _MOST_HEADER:
            raise tarfile.ReadError("a header that is too large")
        return self._stream.read(size)


@contextmanager
def opened(name: str, *, whole: bool = False) -> Iterator[OpenTar]:
    """Open a tar file; raises SourceError. With `whole`, all of a remote one is fetched first."""
    with ExitStack() as stack:
        stream = stack.enter_context(open_stream(name))
        if whole and is_address(name):
            local = stack.enter_context(tempfile.TemporaryFile())
            with explained(name):
                _copy(name, stream, cast("IO[bytes]", local))
            stream = cast("IO[bytes]", local)
        with explained(name):
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            head = stream.read(6)
            stream.seek(0)
        plain = _decompressed(stream, head)
        yield OpenTar(name, plain, size, compressed=plain is not stream)


def _copy(name: str, stream: IO[bytes], local: IO[bytes]) -> None:
    """Copy a remote tar into a temporary file; raises SourceError for one that is too large."""
    free = shutil.disk_usage(tempfile.gettempdir()).free - _LEFT_FREE
    most = min(MOST_COPIED, free)
    left = most
    while block := stream.read(_BLOCK):
        left -= len(block)
        if left < 0:
            why = (
                "a remote tar may have" if most == MOST_COPIED else "the temporary folder has free"
            )
            raise SourceError(
                f"{name} is larger than the {most / 1e9:,.1f} GB that {why}",
                "copy it to a disk of this machine and name it there",
            )
        local.write(block)


def _decompressed(stream: IO[bytes], head: bytes) -> IO[bytes]:
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if head.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.BZ2File(stream))
    if head.startswith(b"\xfd7zXZ\x00"):
        return cast("IO[bytes]", lzma.LZMAFile(stream))
    return stream


def member_bytes(name: str, path: str) -> bytes:
    """Return the bytes of one member of a tar; raises SourceError, PictureError."""
    version = stat_of(name).version
    with opened(name) as tar:
        member = _indices.of(name, version, tar.members).find(path)
        if member is not None:
            return tar.read(member)
    raise PictureError(f"{name} has no {path}", "was the archive replaced?")
