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
├── PictureError          a picture that cannot be read, with the reason
├── QueryError            an invalid query
└── MissingExtra          an optional package is not installed
"""

from __future__ import annotations


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


class PictureError(PixtrieveError):
    """A picture cannot be read; the message gives the reason in the user's terms."""


class QueryError(PixtrieveError):
    """The query is invalid."""


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
