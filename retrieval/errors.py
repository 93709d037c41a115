"""The errors that Pixtrieve raises on purpose.

PixtrieveError            message (what happened, to which file) and hint (what to do next)
├── LibraryError          the library folder
│   ├── LibraryNotFound   the folder contains no library
│   ├── LibraryBusy       another process is writing the library
│   └── LibraryTooNew     a newer version of Pixtrieve wrote the library
├── ModelError            choosing, fetching or loading a model
│   ├── ModelNotFound     no such model, or an incomplete checkpoint
│   ├── ModelUnavailable  the model is not on disk and could not be fetched
│   └── ModelMismatch     not the model that the library was indexed with
├── StoreError            a vector server (Milvus, PostgreSQL) that fails or refuses
├── PictureError          a picture that cannot be read, with the reason
├── SourceError           a data set, an archive or a list of pictures that cannot be read
├── QueryError            an invalid query
│   └── NameTaken         another album, saved search or concept has the name
└── MissingExtra          an optional package is not installed
"""

from __future__ import annotations

import errno
import os


class PixtrieveError(Exception):
    """The base class. `message` says what happened, `hint` what to do next (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class LibraryError(PixtrieveError):
    """An error with the library folder."""


class LibraryNotFound(LibraryError):
    """The folder contains no library."""


class LibraryBusy(LibraryError):
    """Another process is writing the library."""


class LibraryTooNew(LibraryError):
    """A newer version of Pixtrieve wrote the catalogue."""


class ModelError(PixtrieveError):
    """An error in choosing, fetching or loading a model."""


class ModelNotFound(ModelError):
    """The model does not exist, or its checkpoint is incomplete."""


class ModelUnavailable(ModelError):
    """The model is not on disk and could not be fetched."""


class ModelMismatch(ModelError):
    """The model is not the one that the library was indexed with."""


class StoreError(PixtrieveError):
    """A vector server does not answer, fails, or refuses a request."""


class PictureError(PixtrieveError):
    """A picture cannot be read; the message gives the reason in the user's terms."""


class SourceError(PixtrieveError):
    """A source of pictures cannot be read: an archive, a list, a place in object storage."""


class QueryError(PixtrieveError):
    """The query is invalid."""


class NameTaken(QueryError):
    """Another album, saved search or concept has the name; `taken` is how that one is written."""

    def __init__(self, message: str, hint: str, taken: str) -> None:
        super().__init__(message, hint)
        self.taken = taken


class MissingExtra(PixtrieveError):
    """An optional package is not installed.

    The hint gives the install command and, from `otherwise`, an alternative to installing.
    """

    def __init__(self, package: str, extra: str, purpose: str, otherwise: str = "") -> None:
        way = f"install it with: pip install 'pixtrieve[{extra}]'"
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed",
            f"{way}\n{otherwise}" if otherwise else way,
        )


FREE_SPACE = "free some disk space, then run the command again"
"""The hint of every error about a full disk."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: OSError) -> bool:
    """Tell whether a file could not grow: a full disk, a quota, or a limit on its size."""
    return error.errno in _FULL


def reason_of(error: OSError) -> str:
    """Return what the system says of a failure; some libraries raise errors without a number."""
    return error.strerror or str(error) or type(error).__name__


def explain_os_error(error: OSError, what: str = "") -> PixtrieveError:
    """Return an error of the system with a hint; `what` failed, by default what the error names."""
    if error.errno == errno.ENOENT and _current_folder_is_gone():
        return PixtrieveError(
            "the current folder no longer exists", "change to one that does, for example: cd ~"
        )
    hint = FREE_SPACE if is_full(error) else ""
    what = what or os.fsdecode(error.filename or "a file could not be read or written")
    return PixtrieveError(f"{what}: {reason_of(error)}", hint)


def _current_folder_is_gone() -> bool:
    try:
        os.getcwd()
    except OSError:
        return True
    return False
