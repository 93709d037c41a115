"""Downloads of pictures: a zip that is written while it is sent, and lists."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import quote
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from retrieval.catalogue import ImageRow
from retrieval.errors import PictureError
from retrieval.images.videos.containers import is_video
from retrieval.query.fields import COLUMNS
from retrieval.server.picture_files import original
from retrieval.server.video_files import Span, blocks, open_video

LEFT_OUT = "left out.txt"

_ZIP64_FROM = 2**31
_COLUMNS = ("id", "path", "sha256", *COLUMNS)


def zipped(images: Iterable[ImageRow]) -> Iterator[bytes]:
    """Yield a zip of pictures piece by piece; one picture, or a block of a video, at a time.

    Pictures are stored without further compression. A picture whose files are missing or have
    changed since indexing is listed in the file `left out.txt`, with the reason.
    """
    pipe, names, left_out = _Pipe(), _Names(), []
    with ZipFile(pipe, "w", ZIP_STORED) as archive:
        for image in images:
            try:
                pieces = _pieces(image)
            except PictureError as error:
                left_out.append(" ".join(error.message.splitlines()))
                continue
            moment = time.localtime(max(image.mtime_ns / 1e9, 315_619_200))  # zips start in 1980
            info = ZipInfo(names.free(image.paths[0]), moment[:6])
            with archive.open(info, "w", force_zip64=image.size >= _ZIP64_FROM) as member:
                for piece in pieces:
                    member.write(piece)
                    yield pipe.take()
            yield pipe.take()
        if left_out:
            archive.writestr(LEFT_OUT, _readable("\n".join(left_out)) + "\n")
    yield pipe.take()


def _pieces(image: ImageRow) -> Iterable[bytes]:
    """Return the bytes of the original file; raises PictureError if no file has them."""
    if not is_video(image.format):
        return (original(image),)
    file, _ = open_video(image)
    size = os.fstat(file.fileno()).st_size
    return blocks(file, Span(0, size, size))


def as_csv(images: Iterable[ImageRow]) -> Iterator[bytes]:
    """Yield a CSV table, one line per picture; the path is that of its first file."""
    yield _line(_COLUMNS)
    for image in images:
        facts = {**image.facts(), "path": image.paths[0]}
        yield _line([_formula_free(facts[name]) for name in _COLUMNS])


def as_lines(images: Iterable[ImageRow]) -> Iterator[bytes]:
    """Yield one JSON object per line, with every known fact."""
    for image in images:
        yield json.dumps(asdict(image)).encode() + b"\n"


def as_paths(images: Iterable[ImageRow]) -> Iterator[bytes]:
    """Yield the path of each picture's first file, one per line, as the bytes on disk.

    A path with line breaks would be several lines; it is written as a file URI.
    """
    for image in images:
        path = os.fsencode(image.paths[0])
        if b"\n" in path or b"\r" in path:
            path = f"file://{quote(path)}".encode()
        yield path + b"\n"


def _line(values: Iterable[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(["" if value is None else value for value in values])
    return _readable(out.getvalue()).encode()


def _formula_free(value: Any) -> Any:
    """Return a value that no spreadsheet runs as a formula: a camera's name may be any text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _readable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Pipe(io.RawIOBase):
    """The output of a zip; not seekable, so that `ZipFile` writes a stream."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken


class _Names:
    """Unique file names for a zip, without folders."""

    def __init__(self) -> None:
        self._taken = {LEFT_OUT.casefold()}

    def free(self, path: str) -> str:
        name = _readable(os.path.basename(path))
        name = "".join("_" if c in '\\/:*?"<>|' or not c.isprintable() else c for c in name)
        stem, ending = os.path.splitext(name)
        number = 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem} ({number}){ending}"
        self._taken.add(name.casefold())
        return name
