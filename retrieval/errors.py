"""Every error that Pixtrieve raises on purpose.

PixtrieveError            message (what happened, to which file) and hint (what to do next)
├── LibraryError          the library folder
│   ├── LibraryNotFound   there is no index in that folder
│   ├── LibraryBusy       another process is writing it
│   └── LibraryTooNew     written by a newer Pixtrieve
├── ModelError            choosing, fetching or loading a model
│   ├── ModelNotFound     no such model, or a checkpoint without what it needs
│   ├── ModelUnavailable  the model is not on disk and could not be fetched
│   └── ModelMismatch     not the model that the library was indexed with
├── PictureError          a picture that cannot be read: its reason
├── QueryError            a question that cannot be asked
└── MissingExtra          an optional package is not installed
"""

from __future__ import annotations


class PixtrieveError(Exception):
    """The base of all; `message` says what happened, `hint` what to do next (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class LibraryError(PixtrieveError):
    """Something about the library folder."""


class LibraryNotFound(LibraryError):
    """There is no index in the folder."""


class LibraryBusy(LibraryError):
    """Another process is writing the library."""


class LibraryTooNew(LibraryError):
    """The catalogue was written by a newer version of Pixtrieve."""


class ModelError(PixtrieveError):
    """Something about choosing, fetching or loading a model."""


class ModelNotFound(ModelError):
    """No such model, or a checkpoint that lacks what it needs."""


class ModelUnavailable(ModelError):
    """The model is not on disk and could not be fetched."""


class ModelMismatch(ModelError):
    """The model is not the one that the library was indexed with."""


class PictureError(PixtrieveError):
    """A picture could not be read; the message is the reason, in words for its owner."""


class QueryError(PixtrieveError):
    """A question that cannot be asked."""


class MissingExtra(PixtrieveError):
    """An optional package is not installed; the hint has the install command, and another way."""

    def __init__(self, package: str, extra: str, purpose: str, otherwise: str = "") -> None:
        way = f"install it with: pip install 'pixtrieve[{extra}]'"
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed",
            f"{way}\n{otherwise}" if otherwise else way,
        )
