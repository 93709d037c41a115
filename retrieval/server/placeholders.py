"""Placeholders of the pictures that had a thumbnail, in one file beside the thumbnails."""

from __future__ import annotations

import os
import threading
import zlib

from retrieval.images.placeholder import SIZE
from retrieval.whole_file import open_regular, require_inside

_DIGEST, _SUM = 32, 4
_RECORD = _DIGEST + SIZE + _SUM
_NAME = "placeholders"


class Placeholders:
    """Placeholders by the SHA-256 of the picture; thread-safe.

    The file is only appended to, in records that each have a checksum: what is damaged is left out,
    and made again with the next thumbnail. Several servers may write to the same file.
    """

    def __init__(self, folder: str) -> None:
        """`folder` is that of the thumbnails, in a library's folder; it need not exist yet."""
        self._folder, self._path = folder, os.path.join(folder, _NAME)
        self._lock = threading.Lock()
        self._known: dict[bytes, bytes] | None = None

    def __len__(self) -> int:
        """Return how many are known."""
        with self._lock:
            return len(self._all())

    def of(self, digest: bytes) -> bytes:
        """Return the placeholder of a picture, b"" if it is not known yet."""
        with self._lock:
            return self._all().get(digest, b"")

    def keep(self, digest: bytes, placeholder: bytes) -> None:
        """Keep a placeholder; on a disk that cannot be written, until the server ends."""
        with self._lock:
            if self._all().get(digest) == placeholder or len(placeholder) != SIZE:
                return
            self._all()[digest] = placeholder
            record = digest + placeholder
            try:
                require_inside(os.path.dirname(self._folder), self._path)
                os.makedirs(self._folder, exist_ok=True)
                with open(self._path, "ab") as file:
                    spare = file.tell() % _RECORD  # a record that was cut short
                    file.write(b"\0" * (_RECORD - spare if spare else 0) + record + _sum(record))
            except OSError:
                pass

    def _all(self) -> dict[bytes, bytes]:
        if self._known is None:
            self._known = dict(self._read())
        return self._known

    def _read(self) -> list[tuple[bytes, bytes]]:
        try:
            require_inside(os.path.dirname(self._folder), self._path)
            with open_regular(self._path) as file:
                data = file.read()
        except OSError:
            return []
        records = (data[at : at + _RECORD] for at in range(0, len(data), _RECORD))
        return [
            (record[:_DIGEST], record[_DIGEST:-_SUM])
            for record in records
            if len(record) == _RECORD and _sum(record[:-_SUM]) == record[-_SUM:]
        ]


def _sum(record: bytes) -> bytes:
    return zlib.crc32(record).to_bytes(_SUM, "little")
