"""Deadlines for clients of storages, which may wait for a server as long as it sends anything."""

from __future__ import annotations

import io
from collections.abc import Callable
from threading import Thread
from typing import IO, Any, TypeVar

ANSWER_S = 120.0
"""A picture, or a block of an archive, must be there by then."""

LISTING_S = 3600.0
"""All names below a prefix must be there by then; there may be millions."""

_LEAST_PACE = 2**18  # bytes/s, of blocks that are large

_Found = TypeVar("_Found")


def within(seconds: float, work: Callable[[], _Found]) -> _Found:
    """Return what a call returns, or raise what it raises; TimeoutError if it takes too long.

    It cannot be interrupted. One that takes too long goes on in a thread that nobody waits for.
    """
    found: list[_Found] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=run, daemon=True, name="pixtrieve-within")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"it takes longer than {seconds:.0f} s")
    return found[0]


class TimedStream(io.RawIOBase):
    """A stream of a storage whose every read has a deadline. After one was missed, none works."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._late = False

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes, all by default; raises TimeoutError."""
        most = -1 if size is None else size
        return self._timed(max(most, 0), lambda: self._stream.read(most))

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is content; raises TimeoutError."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to another place; storages only note it."""
        self._stream.seek(offset, whence)
        return self._stream.tell()

    def tell(self) -> int:
        """Return the place."""
        return self._stream.tell()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether the server lets its client go to another place."""
        return self._stream.seekable()

    def close(self) -> None:
        """Close the stream, unless a read of it goes on."""
        if not self.closed and not self._late:
            self._stream.close()
        super().close()

    def _timed(self, size: int, work: Callable[[], bytes]) -> bytes:
        if self._late:
            raise TimeoutError("the server was too slow before")
        try:
            return within(ANSWER_S + size / _LEAST_PACE, work)
        except TimeoutError:
            self._late = True
            raise
